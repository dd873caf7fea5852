/*
 * System calls as the kernel has them: the result, or a negative errno.
 *
 * The payloads of a launcher share its memory until they exec, and with it what
 * the libc thinks is one thread's own: errno above all. So no step uses it.
 */
#ifndef NSENTER_SYS_H
#define NSENTER_SYS_H

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A static analyser takes assembler to write to nothing, so it gets the libc's function. */
#if defined(__x86_64__) && !defined(__ILP32__) && !defined(__clang_analyzer__)

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#elif defined(__aarch64__) && !defined(__ILP32__) && !defined(__clang_analyzer__)

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

#else

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
	long result = syscall(nr, a, b, c, d, e, f);

	return result == -1 ? -errno : result;
}

#endif

/* sys(setns, fd, type): up to six arguments, of any type that fits a register. */
#define sys(name, ...) SYS_PICK(__VA_ARGS__, 6, 5, 4, 3, 2, 1)(SYS_##name, __VA_ARGS__)

#define SYS_PICK(a, b, c, d, e, f, n, ...) SYS_WITH_##n
#define SYS_WITH_1(nr, a) sys6(nr, (long)(a), 0, 0, 0, 0, 0)
#define SYS_WITH_2(nr, a, b) sys6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS_WITH_3(nr, a, b, c) sys6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS_WITH_4(nr, a, b, c, d) sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS_WITH_5(nr, a, b, c, d, e)                                                              \
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS_WITH_6(nr, a, b, c, d, e, f)                                                           \
	sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* One number on every architecture but alpha, for headers that do not know them. */
#ifndef SYS_open_tree /* 5.2 */
#define SYS_open_tree 428
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
#ifndef SYS_close_range /* 5.9 */
#define SYS_close_range 436
#endif

/* 32-bit architectures kept the 16-bit calls under the plain names. */
#ifdef SYS_setgroups32
#define sys_ids(name, ...) SYS_PICK(__VA_ARGS__, 6, 5, 4, 3, 2, 1)(SYS_##name##32, __VA_ARGS__)
#else
#define sys_ids(name, ...) sys(name, __VA_ARGS__)
#endif

/* An address may be negative as a number, where it has 32 bits. */
static inline int is_error(long result)
{
	return (unsigned long)result > -4096UL;
}

/* read(2) and wait4(2), however often a signal interrupts them. */
static inline long sys_read(int fd, void *buf, size_t len)
{
	long n;

	do
		n = sys(read, fd, buf, len);
	while (n == -EINTR);
	return n;
}

static inline long sys_wait(long pid, int *status, int options)
{
	long who;

	do
		who = sys(wait4, pid, status, options, NULL);
	while (who == -EINTR);
	return who;
}

/* Memory that nobody else has. */
static inline long sys_map(size_t len, int flags)
{
#ifdef SYS_mmap2
	return sys(mmap2, NULL, len, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
#else
	return sys(mmap, NULL, len, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
#endif
}

#endif
