/*
 * The calling program moves into a pid namespace: by birth. A child of the process
 * that it was, the midwife, enters and has it born as its sibling. What it was
 * joins nothing, stays outside, hands signals on, and ends as the program does;
 * main runs there only if all this fails.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "move.h"

/*
 * The program's new process dies with the one that stands in for it. It says so
 * when it does; a stand-in that is no more by then does not answer.
 */
static void follow(const struct stage *st)
{
	const int pair = st->move->pair;
	char word = 0;

	if (sys(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || sys(write, pair, &word, 1) != 1 ||
	    sys(read, pair, &word, 1) != 1)
		_exit(NSENTER_EXIT_FAILED);
}

/* Enters, and has the program born inside, as its sibling. Returns in the program. */
static void be_midwife(struct stage *st)
{
	pid_t program;

	nsenter_enter(st);
	program = nsenter_clone_child(st, CLONE_PARENT | SIGCHLD);
	if (program > 0) {
		st->move->shared->program = program;
		_exit(0);
	}
	follow(st);
}

/* What the program was is outside for good: it hands signals on, and ends as the program does. */
static void stay_outside(struct stage *st, const sigset_t *all)
{
	char word;

	if (sys(read, st->move->pair, &word, 1) != 1 || sys(write, st->move->pair, &word, 1) != 1)
		nsenter_fail(st, ECANCELED, "wait for child", 0, "");
	nsenter_close_all(st);
	nsenter_stand_in(st->move->shared->program, all);
}

/* A signal that comes meanwhile is for the program, wherever it is in the end. */
static void hold_signals(struct stage *st, sigset_t *all)
{
	nsenter_heed_children(st);
	sigfillset(all);
	sigprocmask(SIG_SETMASK, all, &st->move->blocked);
}

/* In the program, wherever it is. */
void nsenter_end_birth(const struct stage *st)
{
	sys(rt_sigaction, SIGCHLD, &st->sigchld, NULL, (_NSIG - 1) / 8);
	sigprocmask(SIG_SETMASK, &st->move->blocked, NULL);
	sys(close, st->move->pair);
	st->move->pair = -1;
}

/* Returns in the program's new process, inside. */
void nsenter_be_born(struct stage *st)
{
	int pair[2];
	sigset_t all;
	pid_t child;

	must(st, sys(socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "make socket", 0,
	     "");
	st->move->pair = pair[0];
	hold_signals(st, &all);
	child = nsenter_clone_child(st, SIGCHLD);
	if (child > 0) {
		sys(close, pair[1]);
		nsenter_await_child(st, child);
		stay_outside(st, &all);
	}
	sys(close, pair[0]);
	st->move->pair = pair[1];
	be_midwife(st);
	nsenter_end_birth(st);
	st->move->death_signal = SIGKILL;
}
