/*
 * The kernel's part: a process is born, joins namespaces, executes a program and is waited for,
 * with no more system calls than that takes, in C. See turns.Worker: it is told the types to join,
 * as a number; below zero, another process does it, as a launcher does.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int target, theirs, own; /* the target's pidfd, its pid namespace, ours */
static char *program[2];

static void must(int ok, const char *op)
{
	if (ok)
		return;
	perror(op);
	_exit(1);
}

/* It has its parent's memory until it executes. */
static int child(void *types)
{
	const int rest = (int)((long)types & ~CLONE_NEWPID);

	if (rest != 0)
		must(setns(target, rest) == 0, "setns");
	execve(program[0], program, environ);
	must(0, "execve");
	return 1;
}

static pid_t start(long types, int flags)
{
	static _Alignas(16) char stack[65536];
	pid_t pid;

	if (types & CLONE_NEWPID)
		must(setns(theirs, CLONE_NEWPID) == 0, "setns");
	pid = clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD | flags,
		    (void *)types);
	must(pid > 0, "clone");
	if (types & CLONE_NEWPID)
		must(setns(own, CLONE_NEWPID) == 0, "setns");
	return pid;
}

/* Ends with its socket. */
static void serve(int sock)
{
	long types;

	while (read(sock, &types, sizeof(types)) == sizeof(types)) {
		const pid_t pid = start(types, CLONE_PARENT);

		must(write(sock, &pid, sizeof(pid)) == sizeof(pid), "write");
	}
	_exit(0);
}

static pid_t ask(int sock, long types)
{
	pid_t pid;

	must(write(sock, &types, sizeof(types)) == sizeof(types), "write");
	must(read(sock, &pid, sizeof(pid)) == sizeof(pid), "read");
	return pid;
}

static int start_launcher(void)
{
	int socks[2];
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks) == 0, "socketpair");
	pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		close(socks[0]);
		serve(socks[1]);
	}
	close(socks[1]);
	return socks[0];
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv)
{
	char path[64], line[64];
	int sock;

	must(argc == 3, "floor PID PROGRAM");
	program[0] = argv[2];
	snprintf(path, sizeof(path), "/proc/%s/ns/pid", argv[1]);
	theirs = open(path, O_RDONLY | O_CLOEXEC);
	own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	target = (int)syscall(SYS_pidfd_open, atoi(argv[1]), 0);
	must(theirs >= 0 && own >= 0 && target >= 0, "open");
	sock = start_launcher();
	for (puts(""), fflush(stdout); fgets(line, sizeof(line), stdin) != NULL; fflush(stdout)) {
		const long types = atol(line);
		const long long begun = now();
		const pid_t pid = types < 0 ? ask(sock, -types) : start(types, 0);
		int status;

		must(waitpid(pid, &status, 0) == pid && status == 0, "program");
		printf("%lld\n", now() - begun);
	}
	return 0;
}
