/*
 * Stages 0 that share a launcher's memory: to copy it is most of what a fork
 * costs. Each has a slot of it for its stack and its request. The kernel frees a
 * slot, by a zero, when its process executes or exits (CLONE_CHILD_CLEARTID), so
 * that nobody has to wait for that: with CLONE_VFORK a payload that is stopped
 * would stop the launcher.
 *
 * Until then it is alone on its stack, and makes system calls only: what the libc
 * keeps for a thread is one for all of them.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>

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
#define SHARES 0
#elif (defined(__x86_64__) || defined(__aarch64__)) && !defined(__ILP32__)
#define SHARES 1
#else
#define SHARES 0
#endif

enum {
	SLOTS = 8,
	STACK = 32768,
	KEPT = 8192, /* of a request: what was more goes back to the kernel */
};

struct slot {
	struct stage stage; /* first: the rest is found by it */
	int pid; /* of who is in it; 0: free */
	void (*run)(struct stage *);
	_Alignas(4096) char request[NSENTER_SHARED_REQUEST];
	_Alignas(16) char stack[STACK];
};

static struct slot *slots;

/*
 * A function's payload is a fork and goes on in it: it must not find what others
 * have asked for.
 */
long nsenter_make_slots(void)
{
	long area = SHARES ? sys_map(SLOTS * sizeof(*slots), MAP_PRIVATE | MAP_NORESERVE) : 0;
	long result = area;

	if (area != 0 && !is_error(area))
		result = sys(madvise, area, SLOTS * sizeof(*slots), MADV_DONTFORK);
	if (!is_error(result))
		slots = (struct slot *)area;
	return result;
}

static int is_free(const struct slot *slot)
{
	return __atomic_load_n(&slot->pid, __ATOMIC_ACQUIRE) == 0;
}

/* NULL if all are taken, or there are none. */
struct stage *nsenter_free_slot(void)
{
	for (int i = 0; slots != NULL && i < SLOTS; i++)
		if (is_free(&slots[i]))
			return &slots[i].stage;
	return NULL;
}

static void empty_request(struct slot *slot)
{
	const struct nsenter_request *const last = slot->stage.req;

	if (last != NULL && last->total > KEPT)
		sys(madvise, slot->request + KEPT, sizeof(slot->request) - KEPT, MADV_DONTNEED);
	slot->stage.req = NULL;
}

__attribute__((unused)) static void enter(struct slot *slot)
{
	slot->run(&slot->stage);
	_exit(NSENTER_EXIT_FAILED);
}

/* The child begins in enter, on an empty stack: the way back is the launcher's. */
#if defined(__x86_64__) && !defined(__ILP32__)
static long clone_onto(struct slot *slot, void *top, unsigned long flags)
{
	register int *cleared __asm__("r10") = &slot->pid;
	register long tls __asm__("r8") = 0;
	long result;

	__asm__ volatile(
		"syscall\n\t"
		"test %%rax, %%rax\n\t"
		"jnz 1f\n\t"
		"mov %[slot], %%rdi\n\t"
		"mov %[enter], %%rax\n\t"
		"xor %%ebp, %%ebp\n\t" /* where a backtrace ends */
		"call *%%rax\n\t"
		"hlt\n"
		"1:"
		: "=a"(result)
		: "a"(SYS_clone), "D"(flags), "S"(top), "d"(&slot->pid), "r"(cleared),
		  "r"(tls), [slot] "r"(slot), [enter] "r"(enter)
		: "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__) && !defined(__ILP32__)
static long clone_onto(struct slot *slot, void *top, unsigned long flags)
{
	register long nr __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = (long)flags;
	register void *x1 __asm__("x1") = top;
	register int *x2 __asm__("x2") = &slot->pid;
	register long x3 __asm__("x3") = 0;
	register int *x4 __asm__("x4") = &slot->pid;

	__asm__ volatile(
		"svc 0\n\t"
		"cbnz x0, 1f\n\t"
		"mov x0, %[slot]\n\t"
		"mov x9, %[enter]\n\t"
		"mov x29, 0\n\t" /* where a backtrace ends */
		"blr x9\n\t"
		"brk 0\n"
		"1:"
		: "+r"(x0)
		: "r"(nr), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [slot] "r"(slot), [enter] "r"(enter)
		: "x9", "x30", "memory");
	return x0;
}
#else
static long clone_onto(struct slot *slot, void *top, unsigned long flags)
{
	(void)slot;
	(void)top;
	(void)flags;
	return -ENOSYS;
}
#endif

/* A sibling, as nsenter_clone(CLONE_PARENT) makes one. It runs what it is given, and never returns.
 */
pid_t nsenter_clone_in_slot(struct stage *stage, void (*run)(struct stage *))
{
	struct slot *slot = (struct slot *)stage;

	empty_request(slot);
	stage->area = slot->request;
	slot->run = run;
	return (pid_t)clone_onto(slot, slot->stack + sizeof(slot->stack),
				 CLONE_VM | CLONE_PARENT | CLONE_PARENT_SETTID |
					 CLONE_CHILD_CLEARTID | SIGCHLD |
					 (WEAK_VFORK ? CLONE_VFORK : 0));
}
