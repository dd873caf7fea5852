/* New namespaces on top of those joined: the user namespace first and alone, then the rest. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "stage.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* 5.6 */
#endif

/* linux/mount.h, which glibc's sys/mount.h does not agree with before 2.36. */
enum {
	NSENTER_FSOPEN_CLOEXEC = 1,
	NSENTER_FSCONFIG_CMD_CREATE = 6,
	NSENTER_FSMOUNT_CLOEXEC = 1,
	NSENTER_MOUNT_ATTRS = 0x2 | 0x4 | 0x8, /* nosuid, nodev, noexec */
	NSENTER_MOVE_MOUNT_BOTH_EMPTY = 0x4 | 0x40,
};

static void enter_made(const struct stage *st, int fd, uint64_t type)
{
	must(st, sys(setns, fd, type), "enter new", type, "");
	sys(close, fd);
	if (type == CLONE_NEWUSER)
		nsenter_harden(st);
	nsenter_step(st, "enter new", type);
}

/* Without it, mounts would go to where the namespace was copied from, and come from there. */
static void set_propagation(const struct stage *st)
{
	if (st->req->propagation != 0)
		must(st, sys(mount, NULL, "/", NULL, MS_REC | st->req->propagation, NULL),
		     "set propagation of", CLONE_NEWNS, "");
}

static void set_names(const struct stage *st)
{
	const char *host = st->job.hostname;
	const char *domain = st->job.domainname;

	if (host[0] != '\0')
		must(st, sys(sethostname, host, strlen(host)), "set host name", 0, host);
	if (domain[0] != '\0')
		must(st, sys(setdomainname, domain, strlen(domain)), "set domain name", 0, domain);
}

static void raise_loopback(const struct stage *st)
{
	struct ifreq lo = { .ifr_name = "lo" };
	long fd;

	if (!stage_wants(st, NSENTER_F_LOOPBACK_UP))
		return;
	fd = sys(socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(st, fd, "find lo of", CLONE_NEWNET, "");
	must(st, sys(ioctl, fd, SIOCGIFFLAGS, &lo), "find lo of", CLONE_NEWNET, "");
	lo.ifr_flags |= IFF_UP | IFF_RUNNING;
	must(st, sys(ioctl, fd, SIOCSIFFLAGS, &lo), "raise lo of", CLONE_NEWNET, "");
	sys(close, fd);
}

void nsenter_create_namespaces(struct stage *st)
{
	const uint64_t create = st->req->create;
	const uint64_t rest = create & ~(uint64_t)(CLONE_NEWUSER | CLONE_NEWTIME | CLONE_NEWPID);

	if (create & CLONE_NEWUSER)
		enter_made(st, nsenter_made_user(st), CLONE_NEWUSER);
	if (rest != 0) {
		must(st, sys(unshare, rest), "create", rest, "");
		nsenter_step(st, "create", rest);
	}
	if (create & CLONE_NEWTIME)
		enter_made(st, nsenter_made_time(st), CLONE_NEWTIME);
	if (create & CLONE_NEWNS)
		set_propagation(st);
	if (create & CLONE_NEWUTS)
		set_names(st);
	raise_loopback(st);
}

/* For the next clone. */
void nsenter_create_pid(const struct stage *st)
{
	must(st, sys(unshare, CLONE_NEWPID), "create", CLONE_NEWPID, "");
	nsenter_step(st, "create", CLONE_NEWPID);
}

/* A file system of its own, mounted nowhere; or a negative errno. */
long nsenter_new_mount(const char *type)
{
	const long fs = sys(fsopen, type, NSENTER_FSOPEN_CLOEXEC);
	long fd;

	if (fs < 0)
		return fs;
	fd = sys(fsconfig, fs, NSENTER_FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (fd == 0)
		fd = sys(fsmount, fs, NSENTER_FSMOUNT_CLOEXEC, NSENTER_MOUNT_ATTRS);
	sys(close, fs);
	return fd;
}

/*
 * Made while the root that we came with is still there: to a user namespace the
 * kernel gives a procfs only where another one is fully visible (4.2). It shows
 * the pid namespace of the process that makes it. -1: it is mounted in the old way.
 */
int nsenter_make_procfs(const struct stage *st)
{
	const long procfs = stage_wants(st, NSENTER_F_MOUNT_PROC) ? nsenter_new_mount("proc") : -1;

	return is_error(procfs) ? -1 : (int)procfs;
}

/* Filters hide fsopen and move_mount from who may mount. mount(2) takes a path: ".", for a moment.
 */
static long mount_here(const struct stage *st, const char *type, int at)
{
	const long cwd = sys(openat, AT_FDCWD, ".", O_PATH | O_CLOEXEC, 0);
	long result = sys(fchdir, at);

	if (result == 0)
		result = sys(mount, type, ".", type, MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	must(st, cwd, "open working directory", 0, "");
	must(st, sys(fchdir, cwd), "return to working directory", 0, "");
	sys(close, cwd);
	return result;
}

/*
 * On the directory itself: where a target has made it a link, nothing is
 * mounted on what that leads to (CVE-2025-52881).
 */
void nsenter_mount_procfs(const struct stage *st, int procfs)
{
	const char *dir = st->job.procfs;
	long at, result;

	if (!stage_wants(st, NSENTER_F_MOUNT_PROC))
		return;
	at = sys(openat, AT_FDCWD, dir,
		 O_PATH | O_DIRECTORY | (WEAK_PROCFS ? 0 : O_NOFOLLOW) | O_CLOEXEC, 0);
	must(st, at, "open", 0, dir);
	result = sys(move_mount, procfs, "", at, "", NSENTER_MOVE_MOUNT_BOTH_EMPTY);
	if (is_error(result))
		result = mount_here(st, "proc", (int)at);
	must(st, result, "mount procfs on", 0, dir);
	sys(close, procfs);
	sys(close, at);
	nsenter_step(st, "mount procfs", 0);
}
