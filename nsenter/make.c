/*
 * New namespaces that something has to be written for through procfs: a user
 * namespace its maps, a time namespace its offsets.
 *
 * That takes a process outside and one inside. Two helpers do it before
 * anything of the target's is joined but its user namespace: the /proc in which
 * they find each other is the caller's, and nothing in the target sees them.
 * What is left of them is an fd for each namespace, which is then joined like
 * any other.
 *
 *	stage 0 ---- maker: joins the target's user namespace, writes maps and offsets
 *			\--- owner: is born in the new one
 *
 * The maker shares stage 0's table of fds, so that what it opens is stage 0's.
 * The owner has to be dumpable, or an unprivileged maker could not write its
 * files; so it has nothing that a process of the joined user namespace could
 * want, should it see it: no fd but one end of a pair, no root of ours.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* 5.6 */
#endif

/* The fds of what was made; in memory that the helpers share. */
struct made {
	int user;
	int time;
};

int nsenter_made_user(const struct stage *st)
{
	return st->made->user;
}

int nsenter_made_time(const struct stage *st)
{
	return st->made->time;
}

/* A parent that has died before the child could ask for a signal at that sends none. */
static pid_t clone_helper(const struct stage *st, unsigned long flags)
{
	const pid_t parent = getpid();
	const pid_t pid = (pid_t)must(st, nsenter_clone(flags | SIGCHLD), "create",
				      flags & CLONE_NEWUSER, "");

	if (pid > 0)
		return pid;
	nsenter_harden(st);
	if (getppid() != parent)
		_exit(NSENTER_EXIT_FAILED);
	return 0;
}

/*
 * What a helper leaves when it fails comes to stage 0, which is its subreaper
 * and ends after it: a caller that is a subreaper itself, or process 1 of a
 * container, would have zombies that it knows nothing of.
 */
static void reap_helpers(void)
{
	while (sys_wait(-1, NULL, 0) > 0)
		;
}

/* Waits until a helper has ended, and ends for it if it has not ended well. */
static void await_helper(const struct stage *st, pid_t pid)
{
	int status;
	const long who = sys_wait(pid, &status, 0);

	if (who == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	reap_helpers();
	if (who == pid && WIFEXITED(status) && WEXITSTATUS(status) != NSENTER_EXIT_MUTE)
		_exit(NSENTER_EXIT_FAILED); /* it has said why */
	nsenter_fail(st, who < 0 ? who : ECANCELED, "wait for helper", 0, "");
}

static void write_file(const struct stage *st, const char *op, const char *path, const char *text)
{
	const size_t len = strlen(text);
	const long fd = must(st, sys(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0), op, 0, text);

	/* One write: the kernel takes a map whole or not at all. */
	if (must(st, sys(write, fd, text, len), op, 0, text) != (long)len)
		nsenter_fail(st, EIO, op, 0, text);
	sys(close, fd);
}

/* "/proc/PID/NAME"; buf holds it, since a pid has ten digits at most. */
static const char *proc_path(char buf[64], pid_t pid, const char *name)
{
	char digits[12];
	char *d = digits + sizeof(digits);
	size_t len;

	*--d = '\0';
	for (; pid > 0; pid /= 10)
		*--d = (char)('0' + pid % 10);
	memcpy(buf, "/proc/", 6);
	len = strlen(d);
	memcpy(buf + 6, d, len);
	buf[6 + len] = '/';
	memcpy(buf + 7 + len, name, strlen(name) + 1);
	return buf;
}

/* In another pid namespace's procfs our numbers are somebody else's. */
static void check_procfs(const struct stage *st)
{
	char self[16], want[64];
	const long n = must(st, sys(readlinkat, AT_FDCWD, "/proc/self", self, sizeof(self) - 1),
			    "read", 0, "/proc/self");

	self[n] = '\0';
	proc_path(want, getpid(), "");
	if (strncmp(want + 6, self, (size_t)n) != 0 || want[6 + n] != '/')
		nsenter_fail(st, EXDEV, "find own process in", 0, "/proc");
}

/* setgroups first: once a gid is mapped it cannot be denied any more. */
static void write_maps(const struct stage *st, pid_t owner)
{
	char path[64];

	if (stage_wants(st, NSENTER_F_DENY_SETGROUPS))
		write_file(st, "write setgroups", proc_path(path, owner, "setgroups"), "deny");
	if (stage_wants(st, NSENTER_F_CALLER_MAPS)) {
		nsenter_ask_for_maps(st, owner);
		return;
	}
	if (st->job.uid_map[0] != '\0')
		write_file(st, "write uid map", proc_path(path, owner, "uid_map"), st->job.uid_map);
	if (st->job.gid_map[0] != '\0')
		write_file(st, "write gid map", proc_path(path, owner, "gid_map"), st->job.gid_map);
}

static void write_offsets(const struct stage *st, pid_t owner)
{
	char path[64];

	if (st->job.offsets[0] == '\0')
		return;
	proc_path(path, owner, "timens_offsets");
	write_file(st, "write time offsets", path, st->job.offsets);
}

static int open_made(const struct stage *st, pid_t owner, const char *name, uint64_t type)
{
	char path[64];
	long fd;

	if (!(st->req->create & type))
		return -1;
	fd = sys(openat, AT_FDCWD, proc_path(path, owner, name), O_RDONLY | O_CLOEXEC, 0);
	return (int)must(st, fd, "open new", type, path);
}

/*
 * Where filters hide fsopen, it is mounted for a moment: over /proc, which the owner needs no
 * more. Then it is the root, and the old one is taken off (see root.c): ".." leads nowhere.
 */
static void replace_root(const struct stage *st)
{
	const char *op = "leave root";
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	must(st, sys(mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), op, 0, "");
	must(st, sys(mount, "tmpfs", "/proc", "tmpfs", flags, NULL), op, 0, "");
	must(st, sys(chdir, "/proc"), op, 0, "");
	must(st, sys(pivot_root, ".", "."), op, 0, "");
	must(st, sys(umount2, ".", MNT_DETACH), op, 0, "");
}

/*
 * Through /proc/PID/root of a dumpable process one gets to where its root lies:
 * the owner's is an empty file system that is mounted nowhere.
 */
static void leave_root(const struct stage *st)
{
	long root;

	must(st, sys(unshare, CLONE_NEWNS), "leave mounts", 0, "");
	root = nsenter_new_mount("tmpfs");
	if (is_error(root)) {
		replace_root(st);
		return;
	}
	must(st, sys(fchdir, root), "leave root", 0, "");
	must(st, sys(chroot, "."), "leave root", 0, "");
	sys(close, root);
}

static int joins_user(const struct stage *st)
{
	for (uint32_t i = 0; i < st->req->njoins; i++)
		if (st->req->joins[i].type == CLONE_NEWUSER)
			return 1;
	return 0;
}

/* A new user namespace belongs to whoever creates it: here to another than the maker. */
static void create_owned(const struct stage *st)
{
	nsenter_become_owner(st);
	must(st, sys(unshare, CLONE_NEWUSER), "create", CLONE_NEWUSER, "");
	nsenter_harden(st);
}

/*
 * Is there, until the maker has what it needs. Its pair is all that it has left by then to say why
 * it is not: an errno in a byte.
 */
static _Noreturn void be_owner(const struct stage *st, int pair, int other)
{
	unsigned char word;

	if (other)
		create_owned(st);
	if (st->req->create & CLONE_NEWTIME)
		must(st, sys(unshare, CLONE_NEWTIME), "create", CLONE_NEWTIME, "");
	nsenter_close_all_but(st, pair, st->sock); /* while there is a /proc that lists them */
	if (joins_user(st) || other)
		leave_root(st);
	sys(close, st->sock);
	word = (unsigned char)-sys(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (sys(write, pair, &word, 1) != 1 || sys_read(pair, &word, 1) != 0)
		_exit(NSENTER_EXIT_MUTE);
	_exit(0);
}

static pid_t clone_owner(const struct stage *st, int pair[2])
{
	const uint64_t user = st->req->create & CLONE_NEWUSER;
	const int other = user != 0 && nsenter_has_owner(st);
	pid_t owner;

	must(st, sys(socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "make socket", 0,
	     "");
	owner = clone_helper(st, other ? 0 : user);
	if (owner == 0)
		be_owner(st, pair[1], other);
	sys(close, pair[1]);
	return owner;
}

/* The end of file means that the owner has failed, and mostly said why. */
static void await_owner(const struct stage *st, int pair, pid_t owner)
{
	unsigned char word = 0;

	if (must(st, sys_read(pair, &word, 1), "wait for helper", 0, "") == 0)
		await_helper(st, owner);
	if (word != 0)
		nsenter_fail(st, word, "become dumpable", 0, "");
}

static _Noreturn void be_maker(const struct stage *st)
{
	int pair[2];
	pid_t owner;

	check_procfs(st);
	nsenter_join_first(st);
	owner = clone_owner(st, pair);
	await_owner(st, pair[0], owner);
	if (st->req->create & CLONE_NEWUSER)
		write_maps(st, owner);
	write_offsets(st, owner);
	st->made->user = open_made(st, owner, "ns/user", CLONE_NEWUSER);
	st->made->time = open_made(st, owner, "ns/time_for_children", CLONE_NEWTIME);
	sys(close, pair[0]);
	await_helper(st, owner);
	_exit(0);
}

static void be_subreaper(const struct stage *st, unsigned long on)
{
	must(st, sys(prctl, PR_SET_CHILD_SUBREAPER, on, 0, 0, 0), "become subreaper", 0, "");
}

void nsenter_make_namespaces(struct stage *st)
{
	pid_t maker;
	long shared;

	if (!(st->req->create & (CLONE_NEWUSER | CLONE_NEWTIME)))
		return;
	shared = sys_map(sizeof(*st->made), MAP_SHARED);
	st->made = (void *)must(st, shared, "map memory", 0, "");
	be_subreaper(st, 1);
	maker = clone_helper(st, CLONE_FILES);
	if (maker == 0)
		be_maker(st);
	await_helper(st, maker);
	be_subreaper(st, 0);
	nsenter_step(st, "make", st->req->create & (CLONE_NEWUSER | CLONE_NEWTIME));
}
