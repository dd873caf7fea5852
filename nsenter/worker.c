/*
 * A launcher's workers: threads of it, each of which starts one payload at a
 * time that shares its memory until it executes. To copy that is most of what a
 * fork costs.
 *
 * A worker sleeps in the kernel until its payload has executed or ended
 * (CLONE_VFORK): one that is stopped holds up its worker, and nobody else. The
 * caller has no more calls under way than there are workers.
 *
 * That sleep is also what makes it safe to show the payload to a target. The
 * kernel keeps the OOM score alike for all processes that share memory, and
 * the root of a target may write that of what he sees, without any capability;
 * but a process that somebody sleeps for has one of its own (__set_oom_adj; since 4.8).
 *
 * The payload is alone on its stack, and makes system calls only: what the libc
 * keeps for a thread is one for all of them. Files are each thread's own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "share.h"
#include "stage.h"

#define WORKERS (WEAK_WORKERS ? 1 : 8)

enum {
	KEPT = 8192, /* of a request: what was more goes back to the kernel */
	CALLS = 0, /* where a worker has its socket: all other files came with a call */
};

struct worker {
	const struct stage *launcher;
	uint64_t number; /* of the call that is being served; 0: none */
	int pid; /* of its payload, by the kernel, before that runs */
	struct stage stage; /* its payload's, which changes it */
	_Alignas(4096) char request[NSENTER_SHARED_REQUEST];
	_Alignas(16) char payloads[NSENTER_STACK]; /* stack */
	_Alignas(16) char own[NSENTER_STACK]; /* stack */
};

static struct worker *workers;
static int running;

/* What the payload starts from: what a fork of the launcher would. */
static void prepare(struct worker *worker, uint64_t number)
{
	struct stage *const st = &worker->stage;
	const struct stage *const launcher = worker->launcher;

	st->move = NULL;
	st->req = NULL;
	st->name = NSENTER_STAGE_0;
	st->ready = 0;
	st->area = worker->request;
	st->sock = st->fds[NSENTER_CALL_SOCKET];
	st->nfds = 0;
	st->mask = launcher->mask;
	st->ignored = launcher->ignored;
	st->sigchld = launcher->sigchld;
	st->nofile = launcher->nofile;
	worker->pid = 0;
	__atomic_store_n(&worker->number, number, __ATOMIC_RELEASE);
}

/* The payload's way, in a process of its own. The call's other files are close-on-exec. */
static void become_payload(void *arg)
{
	struct worker *const worker = arg;

	sys(close, CALLS);
	sigprocmask(SIG_SETMASK, &worker->stage.mask, NULL);
	nsenter_take_steps(&worker->stage);
	_exit(NSENTER_EXIT_FAILED);
}

/*
 * Returns when it has executed or ended. Who it is the caller hears from itself;
 * from here only if it has not come so far.
 */
static void start(struct worker *worker)
{
	struct stage *const st = &worker->stage;
	const int sock = st->sock;
	const long pid = nsenter_clone_onto(
		worker->payloads + NSENTER_STACK, become_payload, worker, &worker->pid,
		CLONE_VM | CLONE_VFORK | CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD);

	st->name = NSENTER_STAGE_LAUNCHER;
	st->sock = sock;
	if (pid < 0)
		nsenter_say_error(st, pid, "clone", 0, "");
	else if (!st->ready)
		nsenter_cloned(st, (pid_t)pid);
}

/* The same, in another pid namespace: to join one after birth takes a second clone. */
static void start_inside(struct worker *worker, int theirs, int own)
{
	struct stage *const st = &worker->stage;
	const long error = sys(setns, theirs, CLONE_NEWPID);

	if (error < 0) {
		st->name = NSENTER_STAGE_LAUNCHER;
		nsenter_say_error(st, error, "join", CLONE_NEWPID, "");
		return;
	}
	start(worker);
	must(st, sys(setns, own, CLONE_NEWPID), "return to", CLONE_NEWPID, "");
}

static void serve_call(struct worker *worker)
{
	struct stage *const st = &worker->stage;
	struct nsenter_call call;

	st->name = NSENTER_STAGE_LAUNCHER;
	st->sock = CALLS;
	st->nfds = 0;
	if (!nsenter_receive_call(st, &call) || call.kind != NSENTER_CALL_WORKER) {
		nsenter_close_received(st, 0); /* or none may be left to close the rest by */
		return;
	}
	prepare(worker, call.number);
	if (call.nfds == NSENTER_CALL_FDS)
		start_inside(worker, st->fds[NSENTER_CALL_PID], st->fds[NSENTER_CALL_OWN_PID]);
	else
		start(worker);
}

static void empty_request(struct worker *worker)
{
	const struct nsenter_request *const req = worker->stage.req;

	if (req != NULL && req->total > KEPT)
		sys(madvise, worker->request + KEPT, sizeof(worker->request) - KEPT, MADV_DONTNEED);
	worker->stage.req = NULL;
}

/* Nothing of a call stays: what the payload needs it has by now. */
static void forget(struct worker *worker)
{
	__atomic_store_n(&worker->number, 0, __ATOMIC_RELEASE);
	empty_request(worker);
	nsenter_close_all_but(&worker->stage, CALLS, CALLS);
}

static void work(void *arg)
{
	struct worker *const worker = arg;

	if (!WEAK_FILES)
		nsenter_close_all_but(&worker->stage, CALLS, CALLS);
	for (;;) {
		serve_call(worker);
		forget(worker);
	}
}

/*
 * A function's payload is a fork and goes on in it: it must not find what others
 * have asked for.
 */
static long map_workers(void)
{
	const long area = sys_map(WORKERS * sizeof(*workers), MAP_PRIVATE | MAP_NORESERVE);

	if (!is_error(area))
		workers = (struct worker *)area;
	return is_error(area) ? area
			      : sys(madvise, area, WORKERS * sizeof(*workers), MADV_DONTFORK);
}

static void start_worker(const struct stage *launcher)
{
	struct worker *const worker = &workers[running];

	worker->launcher = launcher;
	if (nsenter_clone_onto(worker->own + NSENTER_STACK, work, worker, &worker->pid,
			       CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM) > 0)
		running++;
}

/* Returns how many there are: none where memory cannot be shared. */
int nsenter_start_workers(const struct stage *launcher, int calls)
{
	if (!NSENTER_SHARES)
		return 0;
	must(launcher, map_workers(), "map memory", 0, "");
	if (calls != CALLS)
		must(launcher, sys(dup3, calls, CALLS, O_CLOEXEC), "move socket", 0, "");
	for (int i = 0; i < WORKERS; i++)
		start_worker(launcher);
	sys(close, CALLS);
	return running;
}

/* Which process has been started for a call; 0: none, or it has executed or ended. */
pid_t nsenter_payload_of(uint64_t number)
{
	for (int i = 0; i < running; i++) {
		const uint64_t now = __atomic_load_n(&workers[i].number, __ATOMIC_ACQUIRE);
		const int pid = __atomic_load_n(&workers[i].pid, __ATOMIC_ACQUIRE);

		if (now == number && now == __atomic_load_n(&workers[i].number, __ATOMIC_ACQUIRE))
			return pid;
	}
	return 0;
}
