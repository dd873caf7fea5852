/*
 * A minimal init: the first process of a pid namespace has no default signal
 * handlers and inherits every orphan, which most programs are not made for.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

static pid_t fork_program(const struct stage *st)
{
	return (pid_t)must(st, nsenter_clone(SIGCHLD), "clone program", 0, "");
}

/* Without a core: it would be that of a process that has done nothing. */
static void die_of(int sig)
{
	const struct rlimit none = { 0, 0 };
	const struct sigaction fatal = { .sa_handler = SIG_DFL };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	sigaction(sig, &fatal, NULL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	kill(getpid(), sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Ends as the program did; an init cannot die of a signal, and ends with a shell's 128 + n. */
static void end_as(int status)
{
	if (WIFSIGNALED(status) && getpid() != 1)
		die_of(WTERMSIG(status));
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void reap(pid_t program)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid == program && !WIFSTOPPED(status))
			end_as(status);
		else if (pid == program) /* whoever waits for us sees it stop; an init cannot */
			kill(getpid(), SIGSTOP);
	}
}

/*
 * Reaps whatever is left to it and hands signals on, until the program has
 * ended; but not those of a terminal, which reach the program by themselves.
 */
_Noreturn void nsenter_stand_in(pid_t program, const sigset_t *all)
{
	for (;;) {
		siginfo_t info;
		int sig = sigwaitinfo(all, &info);

		if (sig == SIGCHLD)
			reap(program);
		else if (sig > 0 && info.si_code != SI_KERNEL)
			kill(program, sig);
	}
}

/* Returns in the program's process. */
void nsenter_init(struct stage *st)
{
	sigset_t all, before;
	pid_t program;

	if (!stage_wants(st, NSENTER_F_INIT))
		return;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	nsenter_title("nsexec: init"); /* first: the program may look */
	program = fork_program(st);
	if (program == 0) {
		nsenter_title(NSENTER_TITLE_1);
		sigprocmask(SIG_SETMASK, &before, NULL);
		return;
	}
	nsenter_outlive_caller(st);
	nsenter_close_all(st); /* the socket's end means exec, a pipe's that the program is done */
	nsenter_stand_in(program, &all);
}
