/*
 * The constructor: how a process gets into namespaces that a Go program cannot
 * join, since its runtime has threads before main.
 *
 * It runs before the Go runtime exists. In a program that the library has
 * started for it (stage 0) it reads a request, joins, clones if a pid
 * namespace demands that (stage 1), and becomes the payload by exec. In one that
 * has executed itself for it, it joins and returns (move.c). In any other program
 * it does nothing.
 *
 * Why the clone: setns(CLONE_NEWPID) moves the children, not the caller of it.
 * Why CLONE_PARENT: the payload is then the caller's own child, who can wait
 * for it; stage 0 exits, and nobody stands in between.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "share.h"
#include "stage.h"

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
 * What a stage 0 knows before it has been told anything. The result is that of reading the limit of
 * open files: what has not been read must not be restored.
 */
static long begin(struct stage *st, int sock)
{
	st->move = NULL;
	st->area = NULL;
	st->ready = 0;
	st->name = nsenter_is_launcher() ? NSENTER_STAGE_LAUNCHER : NSENTER_STAGE_0;
	st->sock = sock;
	st->req = NULL;
	st->nfds = 0;
	st->nofile.soft = st->nofile.hard = UINT64_MAX;
	sigemptyset(&st->mask);
	sigprocmask(SIG_SETMASK, NULL, &st->mask);
	return sys(prlimit64, 0, RLIMIT_NOFILE, NULL, &st->nofile);
}

static void report_ready(struct stage *st)
{
	struct nsenter_go go;

	st->name = NSENTER_STAGE_PAYLOAD;
	nsenter_ready(st);
	st->ready = 1;
	go = nsenter_await_go(st);
	nsenter_inherit_late(st, &go);
}

/* From where nothing is cloned any more. Returns in a function's payload. */
static void take_last_steps(struct stage *st)
{
	const int procfs = nsenter_make_procfs(st);

	nsenter_enter_root(st);
	nsenter_mount_procfs(st, procfs);
	nsenter_become(st);
	nsenter_keep_capabilities(st);
	nsenter_enter_cwd(st);
	nsenter_place_files(st);
	nsenter_new_session(st);
	report_ready(st);
	nsenter_init(st);
	if (stage_wants(st, NSENTER_F_FUNCTION))
		become_function(st);
	else
		nsenter_exec(st);
}

static void become_stage1(struct stage *st)
{
	st->name = NSENTER_STAGE_1;
	nsenter_title(NSENTER_TITLE_1);
	nsenter_harden(st);
	nsenter_step(st, "clone", 0);
}

/*
 * Returns in the clone, our sibling: the exit signal is the one of stage 0, since
 * CLONE_PARENT ignores ours. Its pid goes to the caller at once, so that a payload
 * that never gets as far as READY can still be killed and reaped.
 */
static void clone_payload(struct stage *st)
{
	pid_t pid = (pid_t)must(st, nsenter_clone(CLONE_PARENT | SIGCHLD), "clone", 0, "");

	if (pid > 0) {
		if (st->name == NSENTER_STAGE_0)
			nsenter_cloned(st, pid);
		_exit(0);
	}
	if (st->name == NSENTER_STAGE_1) /* what its sibling calls it means nothing to the caller */
		nsenter_cloned(st, 0);
	become_stage1(st);
}

static void enter_payload(void *st)
{
	become_stage1(st);
	take_last_steps(st);
}

/*
 * The same for a payload that shares our memory until it executes, which spares the copy. What
 * our last word to the caller takes we keep for ourselves.
 */
static void clone_sharing(struct stage *st)
{
	_Alignas(16) char stack[NSENTER_STACK];
	const struct stage self = *st;
	const long pid = nsenter_clone_onto(stack + sizeof(stack), enter_payload, st, NULL,
					    CLONE_VM | CLONE_PARENT | SIGCHLD);

	nsenter_cloned(&self, (pid_t)must(&self, pid, "clone", 0, ""));
	_exit(0);
}

/* Not what goes on in that memory, as a function does, or clones once more. */
static int may_share(const struct stage *st)
{
	return NSENTER_SHARES && st->name == NSENTER_STAGE_0 &&
	       !stage_wants(st, NSENTER_F_FUNCTION | NSENTER_F_INIT);
}

/*
 * A pid namespace is entered by birth. One that is created below one that is
 * joined takes a second clone: its parent has to be inside already, or
 * unshare(CLONE_NEWPID) is EINVAL.
 */
static void enter_pid_namespaces(struct stage *st)
{
	const int joins = stage_wants(st, NSENTER_F_FORK);
	const int creates = (st->req->create & CLONE_NEWPID) != 0;

	if (joins && creates)
		clone_payload(st);
	if (creates)
		nsenter_create_pid(st);
	if ((joins || creates) && may_share(st))
		clone_sharing(st);
	else if (joins || creates)
		clone_payload(st);
}

void nsenter_take_steps(struct stage *st)
{
	nsenter_title(NSENTER_TITLE_0);
	nsenter_harden(st);
	nsenter_receive(st);
	nsenter_inherit(st);
	nsenter_leave_groups(st);
	nsenter_make_namespaces(st);
	nsenter_join_namespaces(st);
	nsenter_create_namespaces(st);
	enter_pid_namespaces(st);
	take_last_steps(st);
}

/* 101: the first that programs may have. In a c-archive a later one is too late:
 * the Go runtime is itself started by a constructor there. */
__attribute__((constructor(101))) static void nsexec(void)
{
	const int sock = nsenter_activate(&load);
	struct stage st;
	const long limit = begin(&st, sock);

	if (sock < 0) {
		if (load == NSENTER_LOAD_OK)
			nsenter_move(&st);
		return;
	}
	must(&st, limit, "read limit of open files", 0, "");
	nsenter_heed_children(&st);
	nsenter_close_inherited(&st);
	if (nsenter_is_launcher())
		nsenter_serve(&st);
	nsenter_take_steps(&st);
}
