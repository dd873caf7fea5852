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

#include "stage.h"

/*
 * Where a stack can be begun by hand; and not with a sanitizer, whose notes about
 * a payload's stack would stay when that has gone.
 */
#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	HAS_FEATURE(address_sanitizer) || HAS_FEATURE(memory_sanitizer) ||                         \
	HAS_FEATURE(thread_sanitizer)
#define WORKERS 0
#elif (defined(__x86_64__) || defined(__aarch64__)) && !defined(__ILP32__)
#define WORKERS (WEAK_WORKERS ? 1 : 8)
#else
#define WORKERS 0
#endif

enum {
	STACK = 32768,
	KEPT = 8192, /* of a request: what was more goes back to the kernel */
	CALLS = 0, /* where a worker has its socket: all other files came with a call */
};

struct worker {
	struct stage stage; /* its payload's, which changes it */
	const struct stage *launcher;
	uint64_t number; /* of the call that is being served; 0: none */
	int pid; /* of its payload, by the kernel, before that runs */
	_Alignas(4096) char request[NSENTER_SHARED_REQUEST];
	_Alignas(16) char payloads[STACK]; /* stack */
	_Alignas(16) char own[STACK]; /* stack */
};

static struct worker *workers;
static int running;

/* Begins enter(worker) on an empty stack; returns in its maker only. */
#if defined(__x86_64__) && !defined(__ILP32__)
static long clone_onto(struct worker *worker, void (*enter)(struct worker *), char *top,
		       unsigned long flags)
{
	register long cleared __asm__("r10") = 0;
	register long tls __asm__("r8") = 0;
	long result;

	__asm__ volatile(
		"syscall\n\t"
		"test %%rax, %%rax\n\t"
		"jnz 1f\n\t"
		"mov %[worker], %%rdi\n\t"
		"mov %[enter], %%rax\n\t"
		"xor %%ebp, %%ebp\n\t" /* where a backtrace ends */
		"call *%%rax\n\t"
		"hlt\n"
		"1:"
		: "=a"(result)
		: "a"(SYS_clone), "D"(flags), "S"(top), "d"(&worker->pid), "r"(cleared),
		  "r"(tls), [worker] "r"(worker), [enter] "r"(enter)
		: "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__) && !defined(__ILP32__)
static long clone_onto(struct worker *worker, void (*enter)(struct worker *), char *top,
		       unsigned long flags)
{
	register long nr __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = (long)flags;
	register char *x1 __asm__("x1") = top;
	register int *x2 __asm__("x2") = &worker->pid;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;

	__asm__ volatile(
		"svc 0\n\t"
		"cbnz x0, 1f\n\t"
		"mov x0, %[worker]\n\t"
		"mov x9, %[enter]\n\t"
		"mov x29, 0\n\t" /* where a backtrace ends */
		"blr x9\n\t"
		"brk 0\n"
		"1:"
		: "+r"(x0)
		: "r"(nr), "r"(x1), "r"(x2), "r"(x3),
		  "r"(x4), [worker] "r"(worker), [enter] "r"(enter)
		: "x9", "x30", "memory");
	return x0;
}
#else
static long clone_onto(struct worker *worker, void (*enter)(struct worker *), char *top,
		       unsigned long flags)
{
	(void)worker;
	(void)enter;
	(void)top;
	(void)flags;
	return -ENOSYS;
}
#endif

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
static void become_payload(struct worker *worker)
{
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
	const long pid =
		clone_onto(worker, become_payload, worker->payloads + STACK,
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
	if (!nsenter_receive_call(st, &call) || call.kind != NSENTER_CALL_WORKER)
		return;
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

static void work(struct worker *worker)
{
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
	if (clone_onto(worker, work, worker->own + STACK,
		       CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM) > 0)
		running++;
}

/* Returns how many there are: none where memory cannot be shared. */
int nsenter_start_workers(const struct stage *launcher, int calls)
{
	if (WORKERS == 0)
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
