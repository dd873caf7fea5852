/*
 * A launcher: a stage 0 that stays, and clones one for each call. It saves what
 * executing the caller's program anew costs; all else is the same, by the same
 * steps. It holds nothing but its socket, and ends with it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "stage.h"

/*
 * Whether it may be in another pid namespace for the time of a clone. As root
 * of a user namespace one can enter those below, but not come back, and the
 * next call would be born in the wrong one.
 */
static int can_return(void)
{
	const long fd = sys(openat, AT_FDCWD, "/proc/self/ns/pid", O_RDONLY | O_CLOEXEC, 0);
	const int can = fd >= 0 && sys(setns, fd, CLONE_NEWPID) == 0;

	if (fd >= 0)
		sys(close, fd);
	return can;
}

/*
 * ^C and ^Z are for the process group, and a launcher is not what they are
 * meant for. Blocked, not ignored: what is ignored is inherited.
 */
static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

/* Whether a message has come, but not whole: its files have found no room. */
static int is_cut(ssize_t n)
{
	return n == -EMFILE || n == -E2BIG;
}

/* Whether there is a call that can be answered. Does not return without a caller. */
int nsenter_receive_call(struct stage *st, struct nsenter_call *call)
{
	const ssize_t n = nsenter_receive_message(st, call, sizeof(*call));

	if (n <= 0 && !is_cut(n))
		_exit(n < 0 ? NSENTER_EXIT_FAILED : 0);
	return n == (ssize_t)sizeof(*call) && call->magic == NSENTER_MAGIC &&
	       call->nfds == st->nfds &&
	       (st->nfds == NSENTER_CALL_SOCKET + 1 || st->nfds == NSENTER_CALL_FDS);
}

/* What a process that has been started for this call would be. */
static void become_stage0(struct stage *st)
{
	sys(close, st->calls);
	nsenter_close_received(st, NSENTER_CALL_PID);
	st->name = NSENTER_STAGE_0;
	sigprocmask(SIG_SETMASK, &st->mask, NULL);
}

/* Returns 0 in a fork. One that has failed is the caller's to know. */
static pid_t clone_stage0(const struct stage *st)
{
	const pid_t pid = nsenter_clone(CLONE_PARENT | SIGCHLD);

	if (pid > 0)
		nsenter_cloned(st, pid);
	if (pid < 0)
		nsenter_say_error(st, pid, "clone", 0, "");
	return pid;
}

/* The same, in another pid namespace: to join one after birth takes a second clone. */
static pid_t clone_inside(const struct stage *st)
{
	const long error = sys(setns, st->fds[NSENTER_CALL_PID], CLONE_NEWPID);
	pid_t pid;

	if (error < 0) {
		nsenter_say_error(st, error, "join", CLONE_NEWPID, "");
		return -1;
	}
	pid = clone_stage0(st);
	if (pid != 0)
		must(st, sys(setns, st->fds[NSENTER_CALL_OWN_PID], CLONE_NEWPID), "return to",
		     CLONE_NEWPID, "");
	return pid;
}

/* Returns 0 in a fork. */
static pid_t answer(const struct stage *st, const struct nsenter_call *call)
{
	if (call->kind == NSENTER_CALL_WHO)
		nsenter_cloned(st, nsenter_payload_of(call->number));
	if (call->kind != NSENTER_CALL_CLONE)
		return -1;
	return call->nfds == NSENTER_CALL_FDS ? clone_inside(st) : clone_stage0(st);
}

/* Returns how many there are. */
static int start_workers(struct stage *st)
{
	struct nsenter_call call;
	int workers = 0;

	if (nsenter_receive_call(st, &call) && call.kind == NSENTER_CALL_START_WORKERS)
		workers = nsenter_start_workers(st, st->fds[NSENTER_CALL_SOCKET]);
	nsenter_close_received(st, 0);
	return workers;
}

void nsenter_serve(struct stage *st)
{
	struct nsenter_call call;
	int workers;

	st->calls = st->sock;
	nsenter_title(NSENTER_TITLE_LAUNCHER);
	nsenter_become_opaque(st);
	block_signals();
	nsenter_note_signals(st);
	nsenter_raise_nofile(st, NSENTER_SCM_MAX_FD);
	workers = start_workers(st);
	nsenter_serving(st, can_return(), workers);
	for (;; nsenter_close_received(st, 0)) {
		st->sock = st->calls;
		if (!nsenter_receive_call(st, &call))
			continue;
		st->sock = st->fds[NSENTER_CALL_SOCKET];
		if (answer(st, &call) == 0)
			break;
	}
	become_stage0(st);
}
