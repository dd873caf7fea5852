/* New namespaces on top of those joined: the user namespace first and alone, then the rest. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* 5.6 */
#endif

/* One number on every architecture but alpha; 5.2. */
#ifndef SYS_move_mount
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
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
	if (setns(fd, (int)type) != 0)
		nsenter_fail(st, "enter new", type, "");
	close(fd);
	if (type == CLONE_NEWUSER)
		nsenter_harden(st);
	nsenter_step(st, "enter new", type);
}

/* Without it, mounts would go to where the namespace was copied from, and come from there. */
static void set_propagation(const struct stage *st)
{
	if (st->req->propagation == 0)
		return;
	if (mount(NULL, "/", NULL, MS_REC | st->req->propagation, NULL) != 0)
		nsenter_fail(st, "set propagation of", CLONE_NEWNS, "");
}

static void set_names(const struct stage *st)
{
	const char *host = st->job.hostname;
	const char *domain = st->job.domainname;

	if (host[0] != '\0' && sethostname(host, strlen(host)) != 0)
		nsenter_fail(st, "set host name", 0, host);
	if (domain[0] != '\0' && setdomainname(domain, strlen(domain)) != 0)
		nsenter_fail(st, "set domain name", 0, domain);
}

static void raise_loopback(const struct stage *st)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd;

	if (!stage_wants(st, NSENTER_F_LOOPBACK_UP))
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &lo) != 0)
		nsenter_fail(st, "find lo of", CLONE_NEWNET, "");
	lo.ifr_flags |= IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &lo) != 0)
		nsenter_fail(st, "raise lo of", CLONE_NEWNET, "");
	close(fd);
}

void nsenter_create_namespaces(struct stage *st)
{
	const uint64_t create = st->req->create;
	const uint64_t rest = create & ~(uint64_t)(CLONE_NEWUSER | CLONE_NEWTIME | CLONE_NEWPID);

	if (create & CLONE_NEWUSER)
		enter_made(st, nsenter_made_user(st), CLONE_NEWUSER);
	if (rest != 0 && unshare((int)rest) != 0)
		nsenter_fail(st, "create", rest, "");
	if (rest != 0)
		nsenter_step(st, "create", rest);
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
	if (unshare(CLONE_NEWPID) != 0)
		nsenter_fail(st, "create", CLONE_NEWPID, "");
	nsenter_step(st, "create", CLONE_NEWPID);
}

/* A file system of its own, mounted nowhere; -1: errno says why not. */
int nsenter_new_mount(const char *type)
{
	int fd = -1, fs = (int)syscall(SYS_fsopen, type, NSENTER_FSOPEN_CLOEXEC);

	if (fs < 0)
		return -1;
	if (syscall(SYS_fsconfig, fs, NSENTER_FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = (int)syscall(SYS_fsmount, fs, NSENTER_FSMOUNT_CLOEXEC, NSENTER_MOUNT_ATTRS);
	close(fs);
	return fd;
}

/*
 * Made while the root that we came with is still there: to a user namespace the
 * kernel gives a procfs only where another one is fully visible (4.2). It shows
 * the pid namespace of the process that makes it.
 */
int nsenter_make_procfs(const struct stage *st)
{
	int fd;

	if (!stage_wants(st, NSENTER_F_MOUNT_PROC))
		return -1;
	fd = nsenter_new_mount("proc");
	if (fd < 0)
		nsenter_fail(st, "mount procfs", 0, "");
	return fd;
}

/*
 * On the directory itself: where a target has made it a link, nothing is
 * mounted on what that leads to (CVE-2025-52881).
 */
void nsenter_mount_procfs(const struct stage *st, int procfs)
{
	const char *dir = st->job.procfs;
	int at;

	if (procfs < 0)
		return;
	at = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		nsenter_fail(st, "open", 0, dir);
	if (syscall(SYS_move_mount, procfs, "", at, "", NSENTER_MOVE_MOUNT_BOTH_EMPTY) != 0)
		nsenter_fail(st, "mount procfs on", 0, dir);
	close(procfs);
	close(at);
	nsenter_step(st, "mount procfs", 0);
}
