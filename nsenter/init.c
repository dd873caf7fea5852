/*
 * A minimal init: the first process of a pid namespace has no default signal
 * handlers and inherits every orphan, which most programs are not made for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

static pid_t fork_program(const struct stage *st)
{
#if defined(__s390__) || defined(__CRIS__)
	pid_t pid = (pid_t)syscall(SYS_clone, 0, SIGCHLD, 0, 0, 0);
#else
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
	if (pid < 0)
		nsenter_fail(st, "clone program", 0, "");
	return pid;
}

/* Ends as the program did: a shell's 128 + n for a signal, since an init cannot die of one. */
static void end_as(int status)
{
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void reap(pid_t program)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			end_as(status);
}

/*
 * Reaps whatever is left to it and hands signals on, until the program has
 * ended; but not those of a terminal, which reach the program by themselves.
 */
static _Noreturn void be_init(pid_t program, const sigset_t *all)
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
	program = fork_program(st);
	if (program == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		return;
	}
	nsenter_title("nsexec: init");
	nsenter_outlive_caller(st);
	nsenter_close_all(st); /* the socket's end means exec, a pipe's that the program is done */
	be_init(program, &all);
}
