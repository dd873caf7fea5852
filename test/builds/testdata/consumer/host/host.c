/* A program in C that notes that its main runs, loads the library given as its argument, and calls it. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void note(void)
{
	int fd = open(getenv("RUNS"), O_WRONLY | O_APPEND);

	if (fd < 0 || write(fd, "m", 1) != 1)
		exit(1);
	close(fd);
}

#ifdef LINKED
void Report(void);

int main(void)
{
	note();
	Report();
	return 0;
}
#else
int main(int argc, char **argv)
{
	void (*report)(void);
	void *lib;

	note();
	lib = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW);
	if (lib == NULL) {
		puts(dlerror());
		return 1;
	}
	report = (void (*)(void))dlsym(lib, "Report");
	if (report == NULL) {
		puts(dlerror());
		return 1;
	}
	report();
	return 0;
}
#endif
