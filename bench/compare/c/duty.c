/*
 * The kernel's part of a launcher's call: the system calls that its contract takes, and nothing
 * else, in C. What is sent is as long as a request, and says nothing. See turns.Worker: each line
 * has a program started that way, in six namespaces.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

enum { HEADER = 1080, REQUEST = 2900, GO = 16, READY = 264, LIMITS = 16, JOINS = 5, MOST = 16 };

static const char *const joined[JOINS] = { "mnt", "uts", "ipc", "net", "cgroup" };
static int namespaces[JOINS], theirs, own, status;
static char *program[2], message[REQUEST];

static void must(int ok, const char *op)
{
	if (ok)
		return;
	perror(op);
	_exit(1);
}

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(MOST * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

static void say(int sock, size_t len, int type, const void *data, size_t size)
{
	union control control = { .header = { CMSG_LEN(size), SOL_SOCKET, type } };
	struct iovec iov = { message, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (size > 0) {
		memcpy(CMSG_DATA(&control.header), data, size);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(size);
	}
	must(sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len, "sendmsg");
}

/* Returns how long it was; fds has what came with it. */
static ssize_t hear(int sock, size_t len, int *fds, pid_t *from)
{
	union control control;
	struct iovec iov = { message, len };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	const ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_type == SCM_CREDENTIALS)
			*from = ((struct ucred *)CMSG_DATA(c))->pid;
		else
			memcpy(fds, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return n;
}

static void put(int fd, int at)
{
	const int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	must(high >= 0 && close(fd) == 0 && dup3(high, at, 0) == at, "dup3");
}

static void place_files(int in, int out)
{
	struct rlimit limit;

	put(in, 0);
	put(out, 1);
	must(dup3(1, 2, 0) == 2, "dup3");
	getrlimit(RLIMIT_NOFILE, &limit);
}

/* It has the launcher's memory until it executes. */
static int become_payload(void *arg)
{
	int sock = *(int *)arg, fds[MOST];
	sigset_t mask;
	char word[GO];

	sigprocmask(SIG_SETMASK, NULL, &mask);
	prctl(PR_SET_NAME, "payload");
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(hear(sock, HEADER, fds, NULL) == HEADER, "receive header");
	must(hear(sock, REQUEST - HEADER, NULL, NULL) == REQUEST - HEADER, "receive request");
	sigprocmask(SIG_SETMASK, NULL, &mask);
	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0));
	for (int i = 0; i < JOINS; i++)
		must(setns(fds[i], 0) == 0, "setns");
	must(chdir("/") == 0 && getcwd(message, sizeof(message)) != NULL, "chdir");
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 10);
	place_files(fds[JOINS], fds[JOINS + 1]);
	say(sock, READY, SCM_CREDENTIALS, &(struct ucred){ getpid(), getuid(), getgid() },
	    sizeof(struct ucred));
	must(read(sock, word, GO) == GO, "wait for GO");
	(void)recv(sock, word, 1, MSG_PEEK | MSG_DONTWAIT);
	umask(022);
	signal(SIGCHLD, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, 0);
	execve(program[0], program, environ);
	must(0, "execve");
	return 1;
}

static void serve(int calls)
{
	static _Alignas(16) char stack[65536];
	int fds[MOST];

	while (hear(calls, GO, fds, NULL) == GO) {
		must(setns(fds[1], CLONE_NEWPID) == 0, "setns");
		must(clone(become_payload, stack + sizeof(stack),
			   CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD, fds) > 0,
		     "clone");
		must(setns(fds[2], CLONE_NEWPID) == 0, "setns");
		close_range(fds[0], ~0U, 0);
	}
	_exit(0);
}

/* With no file but its socket, as a launcher is. */
static int start_launcher(void)
{
	int socks[2];
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks) == 0, "socketpair");
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		dup3(socks[1], 3, O_CLOEXEC);
		close_range(4, ~0U, 0);
		serve(3);
	}
	close(socks[1]);
	return socks[0];
}

/* What a child would have of its parent by birth. */
static void look_around(void)
{
	struct rlimit limit;
	struct statx here;
	cpu_set_t cpus;
	sigset_t mask;

	for (int i = 0; i < LIMITS; i++)
		getrlimit(i, &limit);
	getpriority(PRIO_PROCESS, 0);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	statx(AT_FDCWD, "", AT_EMPTY_PATH, STATX_INO, &here);
}

static void look_at_procfs(void)
{
	static char text[4096];
	struct stat st;

	must(stat("/proc/thread-self/ns/time_for_children", &st) == 0, "stat");
	must(pread(status, text, sizeof(text), 0) > 0, "read status");
}

static int open_channel(int *far)
{
	const int on = 1;
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
	setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	setsockopt(ends[0], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on));
	*far = ends[1];
	return ends[0];
}

static void await(int fd, short events)
{
	must(poll(&(struct pollfd){ fd, events, 0 }, 1, -1) == 1, "poll");
}

/* Returns its pidfd. */
static int identify(int channel)
{
	pid_t pid = 0;
	int said = -1, pidfd;

	await(channel, POLLIN);
	must(hear(channel, READY, &said, &pid) == READY, "hear READY");
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	must(pidfd >= 0, "pidfd_open");
	if (said >= 0) {
		syscall(SYS_pidfd_send_signal, said, 0, NULL, 0);
		close(said);
	}
	await(channel, POLLIN);
	must(hear(channel, READY, &said, &pid) == 0, "hear the end");
	setpgid(pid, 1 << 30);
	return pidfd;
}

static void run(int launcher)
{
	const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int far, channel = open_channel(&far), fds[JOINS + 2], pidfd;
	siginfo_t end;

	say(launcher, GO, SCM_RIGHTS, (int[]){ far, theirs, own }, 3 * sizeof(int));
	close(far);
	look_around();
	memcpy(fds, namespaces, sizeof(namespaces));
	fds[JOINS] = in;
	fds[JOINS + 1] = out;
	say(channel, REQUEST, SCM_RIGHTS, fds, sizeof(fds));
	look_at_procfs();
	say(channel, GO, 0, NULL, 0);
	pidfd = identify(channel);
	close(channel);
	close(in);
	close(out);
	await(pidfd, POLLIN);
	must(waitid(P_PIDFD, (id_t)pidfd, &end, WEXITED) == 0 && end.si_status == 0, "program");
	close(pidfd);
}

static int open_namespace(const char *pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0, path);
	return fd;
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	char line[64];
	int launcher;

	must(argc == 3, "duty PID PROGRAM");
	program[0] = argv[2];
	launcher = start_launcher();
	theirs = open_namespace(argv[1], "pid");
	own = open_namespace("self", "pid");
	for (int i = 0; i < JOINS; i++)
		namespaces[i] = open_namespace(argv[1], joined[i]);
	status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	for (puts(""), fflush(stdout); fgets(line, sizeof(line), stdin) != NULL; fflush(stdout)) {
		const long long begun = now();

		run(launcher);
		printf("%lld\n", now() - begun);
	}
	return 0;
}
