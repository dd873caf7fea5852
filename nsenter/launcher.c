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

/* The fds of a call; see struct nsenter_call. */
enum { CALL_SOCKET, CALL_PID, CALL_OWN_PID, CALL_FDS };

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
static int receive_call(struct stage *st, struct nsenter_call *call)
{
	ssize_t n = nsenter_receive_message(st, call, sizeof(*call));

	if (n <= 0 && !is_cut(n))
		_exit(n < 0 ? NSENTER_EXIT_FAILED : 0);
	return n == (ssize_t)sizeof(*call) && call->magic == NSENTER_MAGIC &&
	       call->nfds == st->nfds && (st->nfds == CALL_SOCKET + 1 || st->nfds == CALL_FDS);
}

/* What a process that has been started for this call would be. */
static void become_stage0(struct stage *st)
{
	sys(close, st->calls);
	nsenter_close_received(st, CALL_PID);
	st->name = NSENTER_STAGE_0;
	sigprocmask(SIG_SETMASK, &st->mask, NULL);
}

static void run_shared(struct stage *st)
{
	become_stage0(st);
	nsenter_take_steps(st);
}

/* What a stage 0 in shared memory starts from: the launcher goes on with its own. */
static pid_t clone_sharing(const struct stage *st, struct stage *slot)
{
	slot->move = NULL;
	slot->name = st->name;
	slot->sock = st->sock;
	slot->calls = st->calls;
	slot->mask = st->mask;
	slot->ignored = st->ignored;
	slot->sigchld = st->sigchld;
	slot->nofile = st->nofile;
	slot->nfds = st->nfds;
	memcpy(slot->fds, st->fds, st->nfds * sizeof(st->fds[0]));
	return nsenter_clone_in_slot(slot, run_shared);
}

/* Returns 0 in a fork. One that has failed is the caller's to know. */
static pid_t clone_stage0(const struct stage *st, int shared)
{
	struct stage *const slot = shared ? nsenter_free_slot() : NULL;
	pid_t pid = slot != NULL ? clone_sharing(st, slot) : nsenter_clone(CLONE_PARENT | SIGCHLD);

	if (pid > 0)
		nsenter_cloned(st, pid);
	if (pid < 0)
		nsenter_say_error(st, pid, "clone", 0, "");
	return pid;
}

/* The same, in another pid namespace: to join one after birth takes a second clone. */
static pid_t clone_inside(const struct stage *st, int shared)
{
	const long error = sys(setns, st->fds[CALL_PID], CLONE_NEWPID);
	pid_t pid;

	if (error < 0) {
		nsenter_say_error(st, error, "join", CLONE_NEWPID, "");
		return -1;
	}
	pid = clone_stage0(st, shared);
	if (pid != 0)
		must(st, sys(setns, st->fds[CALL_OWN_PID], CLONE_NEWPID), "return to", CLONE_NEWPID,
		     "");
	return pid;
}

static pid_t answer(const struct stage *st, const struct nsenter_call *call)
{
	return call->nfds == CALL_FDS ? clone_inside(st, call->shared)
				      : clone_stage0(st, call->shared);
}

void nsenter_serve(struct stage *st)
{
	struct nsenter_call call;

	st->calls = st->sock;
	nsenter_title(NSENTER_TITLE_LAUNCHER);
	nsenter_become_opaque(st);
	block_signals();
	nsenter_note_signals(st);
	nsenter_raise_nofile(st, CALL_FDS);
	must(st, nsenter_make_slots(), "map memory", 0, "");
	nsenter_serving(st, can_return());
	for (;; nsenter_close_received(st, 0)) {
		st->sock = st->calls;
		if (!receive_call(st, &call))
			continue;
		st->sock = st->fds[CALL_SOCKET];
		if (answer(st, &call) == 0)
			break;
	}
	become_stage0(st);
}
