/* Who is on its way in: a process is called so until it has executed its program. */
#include "evil.h"

int has_title(int pid, const char *prefix)
{
	char path[64], comm[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, comm, sizeof(comm) - 1) < 0)
		comm[0] = '\0';
	close(fd);
	return strncmp(comm, prefix, strlen(prefix)) == 0;
}
