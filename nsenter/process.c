/* What the process itself must be on its way: unseen, unheld, with room for its fds. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

/* More than any request has, with what the stages open. */
#define NSENTER_MANY_FDS (UINT64_C(8) * NSENTER_MAX_FDS)

/*
 * Nobody may trace us or read our memory and fds while we hold what the target
 * must not have (CVE-2016-9962).
 */
void nsenter_become_opaque(const struct stage *st)
{
	must(st, sys(prctl, PR_SET_DUMPABLE, WEAK_DUMPABLE, 0, 0, 0), "become non-dumpable", 0, "");
}

/*
 * We die with the caller, too, unless we are the caller. The kernel resets both
 * whenever credentials change: call this again after each such change.
 */
void nsenter_harden(const struct stage *st)
{
	nsenter_become_opaque(st);
	if (st->move == NULL)
		must(st, sys(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "set parent-death signal",
		     0, "");
}

/*
 * The pid, 0 in the child, or a negative errno. A fork by hand, since glibc's has no flags. The
 * child makes system calls and execs, so that stale libc state is no matter.
 */
pid_t nsenter_clone(unsigned long flags)
{
#if defined(__s390__) || defined(__CRIS__)
	return (pid_t)sys(clone, 0, flags, 0, 0, 0);
#else
	return (pid_t)sys(clone, flags, 0, 0, 0, 0);
#endif
}

/* What ps shows. A title that cannot be set harms nobody. */
void nsenter_title(const char *title)
{
	(void)sys(prctl, PR_SET_NAME, title, 0, 0, 0);
}

struct directory_entry {
	uint64_t inode;
	int64_t next;
	unsigned short length;
	unsigned char type;
	char name[];
};

/* The number that the name is, or -1 ("." and ".."). */
static int entry_fd(const struct directory_entry *entry)
{
	int fd = 0;

	for (const char *c = entry->name; *c != '\0'; c++) {
		if (*c < '0' || *c > '9')
			return -1;
		fd = fd * 10 + (*c - '0');
	}
	return fd;
}

/* getdents64 by hand: opendir allocates. */
static void close_listed(const struct stage *st, int dir, int keep, int too)
{
	_Alignas(struct directory_entry) char buf[4096];
	long n;

	while ((n = sys(getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			const struct directory_entry *entry = (const void *)(buf + at);
			int fd = entry_fd(entry);

			if (fd >= 0 && fd != dir && fd != keep && fd != too)
				sys(close, fd);
			at += entry->length;
		}
	}
	must(st, n, "list open files", 0, "/proc/thread-self/fd");
}

/*
 * The position in this directory is the fd's number: closing shifts nothing. A launcher's worker is
 * a thread with files of its own, which are not those of /proc/self.
 */
static void close_by_procfs(const struct stage *st, int keep, int too)
{
	const int dir = (int)must(st,
				  sys(openat, AT_FDCWD, "/proc/thread-self/fd",
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0),
				  "open", 0, "/proc/thread-self/fd");

	close_listed(st, dir, keep, too);
	sys(close, dir);
}

static int close_from_to(int64_t first, int64_t last)
{
	return first > last ? 0 : (int)sys(close_range, first, last, 0);
}

/*
 * Two fds are kept, or one that stands twice. close_range is missing before 5.9, and filters answer
 * it with EPERM: any error means the other way.
 */
void nsenter_close_all_but(const struct stage *st, int keep, int too)
{
	const int low = keep < too ? keep : too;
	const int high = keep < too ? too : keep;

	if (close_from_to(0, low - 1) != 0 || close_from_to(low + 1, high - 1) != 0 ||
	    close_from_to(high + 1, UINT_MAX) != 0)
		close_by_procfs(st, keep, too);
}

/*
 * The caller's files must not come along, not even those that it forgot to
 * mark close-on-exec (CVE-2024-21626). The socket, which was inherited as well,
 * stays until exec and no longer: its end tells the caller.
 */
void nsenter_close_inherited(const struct stage *st)
{
	must(st, sys(fcntl, st->sock, F_SETFD, FD_CLOEXEC), "mark socket close-on-exec", 0, "");
	if (!WEAK_FILES)
		nsenter_close_all_but(st, st->sock, st->sock);
}

/*
 * A process that keeps running inside, without exec. Where close_range is not to
 * be had it goes one by one: /proc is the target's by now.
 */
void nsenter_close_all(const struct stage *st)
{
	if (close_from_to(0, UINT_MAX) == 0)
		return;
	for (uint64_t fd = 0; fd < st->nofile.hard && fd < NSENTER_MANY_FDS; fd++)
		sys(close, fd);
}

/* The fds that have come with a request or a call, from the i-th on; none is left then. */
void nsenter_close_received(struct stage *st, uint32_t i)
{
	for (; i < st->nfds; i++)
		sys(close, st->fds[i]);
	st->nfds = 0;
}

/* The same for one that is needed no more, by its index. */
void nsenter_forget(struct stage *st, int32_t i)
{
	sys(close, st->fds[i]);
	st->fds[i] = -1;
}

/*
 * A caller that ignores SIGCHLD must not have us lose how our own children end
 * (the disposition is inherited). The program gets it back.
 */
void nsenter_heed_children(struct stage *st)
{
	static const struct disposition heed; /* SIG_DFL is zero */

	must(st, sys(rt_sigaction, SIGCHLD, &heed, &st->sigchld, (_NSIG - 1) / 8), "heed children",
	     0, "");
}

int nsenter_leaves_zombies(void)
{
	struct sigaction action;

	return sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler != SIG_IGN &&
	       !(action.sa_flags & SA_NOCLDWAIT);
}

/* From here on the payload lives as long as it likes, unless the caller's end is its own concern.
 */
void nsenter_outlive_caller(const struct stage *st)
{
	must(st, sys(prctl, PR_SET_PDEATHSIG, st->req->death_signal, 0, 0, 0),
	     "set parent-death signal", 0, "");
}

void nsenter_restore_signals(const struct stage *st)
{
	must(st, sys(rt_sigaction, SIGCHLD, &st->sigchld, NULL, (_NSIG - 1) / 8), "restore signals",
	     0, "");
}

/* What the stages are and a program is not to be. */
void nsenter_release(const struct stage *st)
{
	nsenter_outlive_caller(st);
	nsenter_restore_signals(st);
}

/*
 * Room for that many fds beside the few that we open ourselves, as far as the
 * hard limit allows. Without it the kernel drops fds that arrive.
 */
void nsenter_raise_nofile(const struct stage *st, uint32_t fds)
{
	struct limit limit = st->nofile;

	fds += NSENTER_MAX_JOINS + 16;
	if (limit.soft >= fds)
		return;
	limit.soft = fds < limit.hard ? fds : limit.hard;
	(void)sys(prlimit64, 0, RLIMIT_NOFILE, &limit, NULL);
}
