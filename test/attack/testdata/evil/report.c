/* What a payload finds that it starts with. */
#include <grp.h>
#include <sys/statfs.h>

#include "evil.h"

#define PROC_MAGIC 0x9fa0

extern char **environ;

static void report_file(int fd)
{
	char text[16];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return;
	printf("fd %d\n", fd);
	snprintf(text, sizeof(text), "fd %d", fd);
	if (S_ISDIR(st.st_mode) && faccessat(fd, "canary", F_OK, 0) == 0)
		won("canary is in reach of", text);
}

static void report_directory(void)
{
	char cwd[4096];

	if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0)
		won("outside", strerror(errno));
	if (cwd[0] != '/')
		won("outside", cwd);
	printf("cwd %s\n", cwd);
}

static void report_status(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[4096];

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, "Cap", 3) == 0 || strncmp(line, "Groups", 6) == 0)
			fputs(line, stdout);
}

static void report_mounts(void)
{
	struct statfs fs;

	if (statfs("/elsewhere", &fs) == 0 && fs.f_type == PROC_MAGIC)
		won("procfs is on", "/elsewhere");
}

/* report [FILE]: one that only the caller's groups can read. */
int report(char **arg)
{
	for (int fd = 0; fd < 1024; fd++)
		report_file(fd);
	report_directory();
	report_status();
	report_mounts();
	for (char **e = environ; *e != NULL; e++)
		printf("env %s\n", *e);
	if (arg[0] != NULL && open(arg[0], O_RDONLY) >= 0)
		won("read", arg[0]);
	puts("done");
	return 0;
}

/* note FILE: a byte for each time that it runs. */
int note(char **arg)
{
	const int fd = open(arg[0], O_WRONLY | O_APPEND);

	return fd < 0 || write(fd, "p", 1) != 1;
}
