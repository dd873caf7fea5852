/* What the payload starts with: ids, directory, files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/resource.h>

#include "stage.h"

/* The default, root, may be unmapped in a user namespace: then the ids stay. */
static void must_unless_kept(const struct stage *st, long result, const char *op)
{
	if (result != -EINVAL || !stage_wants(st, NSENTER_F_IDS_IF_MAPPED))
		must(st, result, op, 0, "");
}

/*
 * After setns to a user namespace we hold CAP_SETGID in it, so that EPERM can
 * only mean that its /proc/PID/setgroups says deny, or that no gid is mapped.
 * The first is known beforehand when there is a process to ask; for a bare
 * handle it is learnt here. The second is a failure only if a gid was asked for.
 */
static void set_groups(const struct stage *st)
{
	long result;

	if (stage_wants(st, NSENTER_F_NO_SETGROUPS) || WEAK_GROUPS)
		return;
	result = sys_ids(setgroups, st->req->ngroups, st->job.groups);
	if (result != -EPERM || !stage_wants(st, NSENTER_F_TRY_SETGROUPS | NSENTER_F_IDS_IF_MAPPED))
		must(st, result, "set groups", 0, "");
}

/*
 * Where a user namespace denies setgroups, or may, the caller's groups are dropped while
 * we still can: they would be the payload's in there. An ordinary user never can, and
 * has to keep them.
 */
void nsenter_leave_groups(const struct stage *st)
{
	const uint32_t denied = NSENTER_F_NO_SETGROUPS | NSENTER_F_TRY_SETGROUPS;

	if (stage_wants(st, NSENTER_F_SET_GID) && stage_wants(st, denied) && !WEAK_GROUPS)
		(void)sys_ids(setgroups, 0, NULL);
}

static void set_gid(const struct stage *st)
{
	const gid_t gid = st->req->gid;

	set_groups(st);
	must_unless_kept(st, sys_ids(setresgid, gid, gid, gid), "set gid");
}

static void set_uid(const struct stage *st)
{
	const uid_t uid = st->req->uid;

	must_unless_kept(st, sys_ids(setresuid, uid, uid, uid), "set uid");
}

/* Groups, gid, uid: each needs what the next one gives up. */
void nsenter_become(const struct stage *st)
{
	nsenter_hold_capabilities(st);
	if (stage_wants(st, NSENTER_F_SET_GID))
		set_gid(st);
	if (stage_wants(st, NSENTER_F_SET_UID))
		set_uid(st);
	if (!stage_wants(st, NSENTER_F_SET_GID | NSENTER_F_SET_UID))
		return;
	nsenter_harden(st);
	nsenter_step(st, "set ids", 0);
}

/*
 * Root of the user namespace that was joined, if it has one: whoever creates
 * another in it must have ids there (user_namespaces(7)).
 */
void nsenter_become_root(const struct stage *st)
{
	const long gid = sys_ids(setresgid, 0, 0, 0), uid = sys_ids(setresuid, 0, 0, 0);

	must(st, gid == -EINVAL ? 0 : gid, "set gid", 0, "");
	must(st, uid == -EINVAL ? 0 : uid, "set uid", 0, "");
	nsenter_harden(st);
}

/* Whether a new user namespace is to be somebody else's than whose it would be. */
int nsenter_has_owner(const struct stage *st)
{
	const uid_t uid = st->req->owner_uid;
	const gid_t gid = st->req->owner_gid;

	return (uid != (uid_t)-1 && uid != geteuid()) || (gid != (gid_t)-1 && gid != getegid());
}

/*
 * Whoever creates a user namespace owns it, with all capabilities in it
 * (user_namespaces(7)): the owner may then trace this process, so that it must
 * have nothing more than the owner's, supplementary groups among it.
 */
void nsenter_become_owner(const struct stage *st)
{
	const uid_t uid = st->req->owner_uid;
	const gid_t gid = st->req->owner_gid;

	const char *op = "become owner of";

	must(st, sys_ids(setgroups, 0, NULL), op, CLONE_NEWUSER, "");
	must(st, sys_ids(setresgid, gid, gid, gid), op, CLONE_NEWUSER, "");
	must(st, sys_ids(setresuid, uid, uid, uid), op, CLONE_NEWUSER, "");
	nsenter_harden(st);
}

/*
 * A path such as /proc/self/fd/7 can lead out of the root (CVE-2024-21626).
 * The kernel cannot name such a directory from inside: getcwd then says
 * "(unreachable)", or ENOENT if it has been removed.
 */
static void check_cwd(const struct stage *st)
{
	char cwd[PATH_MAX];

	must(st, sys(getcwd, cwd, sizeof(cwd)), "find working directory", 0, st->job.dir);
	if (cwd[0] != '/')
		nsenter_fail_because(st, NSENTER_D_OUTSIDE, "enter directory", 0, st->job.dir);
}

/*
 * Where nothing is said it is the root, once that may be another one: also when
 * a mount namespace to be joined was our own already.
 */
static const char *directory(const struct stage *st, int cwd)
{
	if (cwd < 0 && st->job.dir[0] == '\0' && stage_wants(st, NSENTER_F_NEW_ROOT))
		return "/";
	return st->job.dir;
}

void nsenter_enter_cwd(const struct stage *st)
{
	const int cwd = stage_fd(st, st->req->cwd);
	const char *dir = directory(st, cwd);

	if (cwd < 0 && dir[0] == '\0')
		return;
	if (cwd >= 0)
		must(st, sys(fchdir, cwd), "enter directory", 0, "");
	if (dir[0] != '\0')
		must(st, sys(chdir, dir), "enter directory", 0, dir);
	if (stage_wants(st, NSENTER_F_NEW_ROOT) && !WEAK_CWD)
		check_cwd(st);
	nsenter_step(st, "enter directory", 0);
}

/* Out of the way of the numbers that the payload's files will have. */
static int move_above(const struct stage *st, int fd, uint32_t limit)
{
	long moved;

	if (fd < 0 || fd >= (int)limit)
		return fd;
	moved = must(st, sys(fcntl, fd, F_DUPFD_CLOEXEC, limit), "move file", 0, "");
	sys(close, fd);
	return (int)moved;
}

static void place_file(const struct stage *st, int fd, int number)
{
	if (fd < 0)
		sys(close, number);
	else
		must(st, sys(dup3, fd, number, 0), "place file", 0, "");
}

/* Only dup3's copies survive exec: all else is close-on-exec. */
void nsenter_place_files(struct stage *st)
{
	const uint32_t nfiles = st->req->nfiles;

	st->sock = move_above(st, st->sock, nfiles);
	for (uint32_t i = 0; i < st->nfds; i++)
		st->fds[i] = move_above(st, st->fds[i], nfiles);
	for (uint32_t i = 0; i < nfiles; i++)
		place_file(st, stage_fd(st, st->job.files[i]), (int)i);
	must(st, sys(prlimit64, 0, RLIMIT_NOFILE, &st->nofile, NULL), "restore limit of open files",
	     0, "");
	nsenter_step(st, "place files", 0);
}
