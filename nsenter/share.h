/*
 * Processes and threads that share memory, each on a stack of its own: to copy the memory is most
 * of what a fork costs.
 *
 * What runs there makes system calls only: what the libc keeps for a thread is one for all.
 */
#ifndef NSENTER_SHARE_H
#define NSENTER_SHARE_H

/*
 * Where a stack can be begun by hand; and not with a sanitizer, whose notes about a stack would
 * stay when whoever had it is gone.
 */
#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	HAS_FEATURE(address_sanitizer) || HAS_FEATURE(memory_sanitizer) ||                         \
	HAS_FEATURE(thread_sanitizer)
#define NSENTER_SHARES 0
#elif (defined(__x86_64__) || defined(__aarch64__)) && !defined(__ILP32__)
#define NSENTER_SHARES 1
#else
#define NSENTER_SHARES 0
#endif

enum { NSENTER_STACK = 32768 };

#pragma GCC visibility push(hidden)

/*
 * Clones by these flags, to enter(arg) on the stack that ends at top; enter must not return. The
 * result is the pid, which CLONE_PARENT_SETTID puts into *pid, or a negative errno.
 */
long nsenter_clone_onto(char *top, void (*enter)(void *), void *arg, int *pid, unsigned long flags);

#pragma GCC visibility pop

#endif
