/* A clone with a stack of its own, by hand: the libc's writes to an errno that others have too. */
#include "share.h"

#include <errno.h>
#include <sys/syscall.h>

#if NSENTER_SHARES && defined(__x86_64__)

long nsenter_clone_onto(char *top, void (*enter)(void *), void *arg, int *pid, unsigned long flags)
{
	register long cleared __asm__("r10") = 0;
	register long tls __asm__("r8") = 0;
	long result;

	__asm__ volatile(
		"syscall\n\t"
		"test %%rax, %%rax\n\t"
		"jnz 1f\n\t"
		"mov %[arg], %%rdi\n\t"
		"mov %[enter], %%rax\n\t"
		"xor %%ebp, %%ebp\n\t" /* where a backtrace ends */
		"call *%%rax\n\t"
		"hlt\n"
		"1:"
		: "=a"(result)
		: "a"(SYS_clone), "D"(flags), "S"(top), "d"(pid), "r"(cleared),
		  "r"(tls), [arg] "r"(arg), [enter] "r"(enter)
		: "rcx", "r11", "memory");
	return result;
}

#elif NSENTER_SHARES && defined(__aarch64__)

long nsenter_clone_onto(char *top, void (*enter)(void *), void *arg, int *pid, unsigned long flags)
{
	register long nr __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = (long)flags;
	register char *x1 __asm__("x1") = top;
	register int *x2 __asm__("x2") = pid;
	register long x3 __asm__("x3") = 0;
	register long x4 __asm__("x4") = 0;

	__asm__ volatile(
		"svc 0\n\t"
		"cbnz x0, 1f\n\t"
		"mov x0, %[arg]\n\t"
		"mov x9, %[enter]\n\t"
		"mov x29, 0\n\t" /* where a backtrace ends */
		"blr x9\n\t"
		"brk 0\n"
		"1:"
		: "+r"(x0)
		: "r"(nr), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [arg] "r"(arg), [enter] "r"(enter)
		: "x9", "x30", "memory");
	return x0;
}

#else

long nsenter_clone_onto(char *top, void (*enter)(void *), void *arg, int *pid, unsigned long flags)
{
	(void)top;
	(void)enter;
	(void)arg;
	(void)pid;
	(void)flags;
	return -ENOSYS;
}

#endif
