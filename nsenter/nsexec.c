/*
 * The constructor: how a process gets into namespaces that a Go program cannot
 * join, since its runtime has threads before main.
 *
 * It runs before the Go runtime exists. In a program that the library has
 * started for it (stage 0) it reads a request, joins, clones if a pid
 * namespace demands that (stage 1), and becomes the payload by exec. In any
 * other program it does nothing.
 *
 * Why the clone: setns(CLONE_NEWPID) moves the children, not the caller of it.
 * Why CLONE_PARENT: the payload is then the caller's own child, who can wait
 * for it; stage 0 exits, and nobody stands in between.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

/*
 * A fork whose child is our sibling. By hand, since glibc's fork has no flags;
 * the child makes system calls and execs, so that stale libc state is no
 * matter. The exit signal is the one of stage 0: CLONE_PARENT ignores ours.
 */
static pid_t clone_sibling(void)
{
	const unsigned long flags = CLONE_PARENT | SIGCHLD;
#if defined(__s390__) || defined(__CRIS__)
	return (pid_t)syscall(SYS_clone, 0, flags, 0, 0, 0);
#else
	return (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
#endif
}

/*
 * Returns in the clone. Its pid goes to the caller at once, so that a payload
 * that never gets as far as READY can still be killed and reaped.
 */
static void clone_payload(struct stage *st)
{
	pid_t pid = clone_sibling();

	if (pid < 0)
		nsenter_fail(st, "clone", 0, "");
	if (pid > 0) {
		if (st->name == NSENTER_STAGE_0)
			nsenter_cloned(st, pid);
		_exit(0);
	}
	if (st->name == NSENTER_STAGE_1) /* what its sibling calls it means nothing to the caller */
		nsenter_cloned(st, 0);
	st->name = NSENTER_STAGE_1;
	nsenter_title(NSENTER_TITLE_1);
	nsenter_harden(st);
	nsenter_step(st, "clone", 0);
}

static enum nsenter_load load;

/*
 * Go asks, and the answer is in this file: of a c-archive a linker takes only
 * what something else refers to, and nothing refers to a constructor.
 */
enum nsenter_load nsenter_load(void)
{
	return load;
}

/* A function's payload is this program, but starts nothing. */
static void become_function(struct stage *st)
{
	nsenter_return(st);
	load = NSENTER_LOAD_PAYLOAD;
}

/*
 * A pid namespace is entered by birth. One that is created below one that is
 * joined takes a second clone: its parent has to be inside already, or
 * unshare(CLONE_NEWPID) is EINVAL.
 */
static void enter_pid_namespaces(struct stage *st)
{
	if (stage_wants(st, NSENTER_F_FORK))
		clone_payload(st);
	if (!(st->req->create & CLONE_NEWPID))
		return;
	nsenter_create_pid(st);
	clone_payload(st);
}

static void report_ready(struct stage *st)
{
	st->name = NSENTER_STAGE_PAYLOAD;
	nsenter_ready(st);
	nsenter_await_go(st);
}

/* 101: the first that programs may have. In a c-archive a later one is too late:
 * the Go runtime is itself started by a constructor there. */
__attribute__((constructor(101))) static void nsexec(void)
{
	struct stage st;
	int procfs;

	st.sock = nsenter_activate(&load);
	if (st.sock < 0)
		return;
	st.name = NSENTER_STAGE_0;
	st.req = NULL;
	st.nfds = 0;
	getrlimit(RLIMIT_NOFILE, &st.nofile);

	nsenter_title(NSENTER_TITLE_0);
	nsenter_harden(&st);
	nsenter_heed_children(&st);
	nsenter_close_inherited(&st);
	nsenter_receive(&st);
	nsenter_make_namespaces(&st);
	nsenter_join_namespaces(&st);
	nsenter_create_namespaces(&st);
	enter_pid_namespaces(&st);
	procfs = nsenter_make_procfs(&st);
	nsenter_enter_root(&st);
	nsenter_mount_procfs(&st, procfs);
	nsenter_become(&st);
	nsenter_keep_capabilities(&st);
	nsenter_enter_cwd(&st);
	nsenter_place_files(&st);
	report_ready(&st);
	nsenter_init(&st);
	if (stage_wants(&st, NSENTER_F_FUNCTION))
		become_function(&st);
	else
		nsenter_exec(&st);
}
