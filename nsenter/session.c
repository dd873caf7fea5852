/*
 * A session of the payload's own. In the caller's it could open /dev/tty, read what
 * is typed there, and type itself (TIOCSTI, CVE-2017-5226), whatever files it has.
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>

#include "stage.h"

void nsenter_new_session(const struct stage *st)
{
	if (!stage_wants(st, NSENTER_F_SETSID) || WEAK_SESSION)
		return;
	must(st, sys(setsid, 0), "create session", 0, "");
	if (stage_wants(st, NSENTER_F_SETCTTY))
		must(st, sys(ioctl, 0, TIOCSCTTY, 0), "set terminal", 0, "");
	nsenter_step(st, "create session", 0);
}
