/* What the payload starts with: root, ids, directory, files; and exec. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

/* 32-bit architectures kept the 16-bit calls under the plain names. */
#ifdef SYS_setgroups32
#define NSENTER_SETGROUPS SYS_setgroups32
#define NSENTER_SETRESUID SYS_setresuid32
#define NSENTER_SETRESGID SYS_setresgid32
#else
#define NSENTER_SETGROUPS SYS_setgroups
#define NSENTER_SETRESUID SYS_setresuid
#define NSENTER_SETRESGID SYS_setresgid
#endif

static int wants(const struct stage *st, enum nsenter_flag flag)
{
	return (st->req->flags & (uint32_t)flag) != 0;
}

/* By the fd of a directory that the caller has opened: no path of the target's. */
void nsenter_enter_root(const struct stage *st)
{
	const int root = stage_fd(st, st->req->root);

	if (root < 0)
		return;
	if (fchdir(root) != 0)
		nsenter_fail(st, "enter root", 0, "");
	if (chroot(".") != 0)
		nsenter_fail(st, "change root", 0, "");
	nsenter_step(st, "change root", 0);
}

/* The default, root, may be unmapped in a user namespace: then the ids stay. */
static int may_keep_id(const struct stage *st)
{
	return errno == EINVAL && wants(st, NSENTER_F_IDS_IF_MAPPED);
}

/*
 * After setns to a user namespace we hold CAP_SETGID in it, so that EPERM can
 * only mean that its /proc/PID/setgroups says deny. That is known beforehand
 * when there is a process to ask; for a bare handle it is learnt here.
 */
static void set_groups(const struct stage *st)
{
	if (wants(st, NSENTER_F_NO_SETGROUPS))
		return;
	if (syscall(NSENTER_SETGROUPS, st->req->ngroups, st->job.groups) == 0)
		return;
	if (errno == EPERM && wants(st, NSENTER_F_TRY_SETGROUPS))
		return;
	nsenter_fail(st, "set groups", 0, "");
}

static void set_gid(const struct stage *st)
{
	const gid_t gid = st->req->gid;

	set_groups(st);
	if (syscall(NSENTER_SETRESGID, gid, gid, gid) != 0 && !may_keep_id(st))
		nsenter_fail(st, "set gid", 0, "");
}

static void set_uid(const struct stage *st)
{
	const uid_t uid = st->req->uid;

	if (syscall(NSENTER_SETRESUID, uid, uid, uid) != 0 && !may_keep_id(st))
		nsenter_fail(st, "set uid", 0, "");
}

/* Groups, gid, uid: each needs what the next one gives up. */
void nsenter_become(const struct stage *st)
{
	if (wants(st, NSENTER_F_SET_GID))
		set_gid(st);
	if (wants(st, NSENTER_F_SET_UID))
		set_uid(st);
	if (!wants(st, NSENTER_F_SET_GID | NSENTER_F_SET_UID))
		return;
	nsenter_harden(st);
	nsenter_step(st, "set ids", 0);
}

/*
 * A path such as /proc/self/fd/7 can lead out of the root (CVE-2024-21626).
 * The kernel cannot name such a directory from inside: getcwd then says
 * "(unreachable)", or ENOENT if it has been removed.
 */
static void check_cwd(const struct stage *st)
{
	char cwd[PATH_MAX];

	if (syscall(SYS_getcwd, cwd, sizeof(cwd)) < 0)
		nsenter_fail(st, "find working directory", 0, st->job.dir);
	if (cwd[0] != '/')
		nsenter_fail_because(st, NSENTER_D_OUTSIDE, "enter directory", 0, st->job.dir);
}

void nsenter_enter_cwd(const struct stage *st)
{
	const int cwd = stage_fd(st, st->req->cwd);

	if (cwd < 0 && st->job.dir[0] == '\0')
		return;
	if (cwd >= 0 && fchdir(cwd) != 0)
		nsenter_fail(st, "enter directory", 0, "");
	if (st->job.dir[0] != '\0' && chdir(st->job.dir) != 0)
		nsenter_fail(st, "enter directory", 0, st->job.dir);
	if (wants(st, NSENTER_F_NEW_ROOT))
		check_cwd(st);
	nsenter_step(st, "enter directory", 0);
}

/* Out of the way of the numbers that the payload's files will have. */
static int move_above(const struct stage *st, int fd, uint32_t limit)
{
	int moved;

	if (fd >= (int)limit)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, (int)limit);
	if (moved < 0)
		nsenter_fail(st, "move file", 0, "");
	close(fd);
	return moved;
}

static void place_file(const struct stage *st, int fd, int number)
{
	if (fd < 0)
		close(number);
	else if (dup3(fd, number, 0) < 0)
		nsenter_fail(st, "place file", 0, "");
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
	if (setrlimit(RLIMIT_NOFILE, &st->nofile) != 0)
		nsenter_fail(st, "restore limit of open files", 0, "");
	nsenter_step(st, "place files", 0);
}

/* ENOENT of a program that is there means its interpreter, "#!" or ELF's. */
static _Noreturn void fail_exec(const struct stage *st, const char *path)
{
	const int error = errno;

	if (error == ENOENT && access(path, F_OK) == 0)
		nsenter_fail_because(st, NSENTER_D_INTERPRETER, "exec", 0, path);
	errno = error;
	nsenter_fail(st, "exec", 0, path);
}

static const char *path_variable(const struct stage *st)
{
	const char *path = NULL;

	/* The last one counts, as in os/exec. */
	for (char **e = st->job.envp; *e != NULL; e++)
		if (strncmp(*e, "PATH=", 5) == 0)
			path = *e + 5;
	return path;
}

/* Writes "DIR/NAME" to buf; returns 0 if it does not fit. */
static int join_path(char buf[PATH_MAX], const char *dir, size_t len, const char *name)
{
	const size_t name_len = strlen(name);

	if (len + 1 + name_len + 1 > PATH_MAX)
		return 0;
	memcpy(buf, dir, len);
	buf[len] = '/';
	memcpy(buf + len + 1, name, name_len + 1);
	return 1;
}

/* What the search along PATH has met so far, short of a program. */
struct lookup {
	int denied; /* EACCES somewhere */
	int dot; /* it is in a relative entry: not taken, but said */
};

/* Whether the failure of execve means no more than "not here". */
static int is_elsewhere(const char *path)
{
	switch (errno) {
	case ENOTDIR:
	case ENODEV:
	case ESTALE:
	case ETIMEDOUT:
		return 1;
	case ENOENT: /* of the program, or of its interpreter */
		return access(path, F_OK) != 0;
	}
	return 0;
}

/* Returns only if the program is not here; any other failure is the answer. */
static void try_entry(const struct stage *st, struct lookup *seen, const char *dir, size_t len)
{
	char path[PATH_MAX];

	if (!join_path(path, len > 0 ? dir : ".", len > 0 ? len : 1, st->job.path))
		return;
	if (path[0] != '/') {
		seen->dot |= access(path, X_OK) == 0;
		return;
	}
	execve(path, st->job.argv, st->job.envp);
	if (errno == EACCES)
		seen->denied = 1;
	else if (!is_elsewhere(path))
		fail_exec(st, path);
}

static _Noreturn void exec_along_path(const struct stage *st)
{
	const char *entry = path_variable(st);
	struct lookup seen = { 0, 0 };

	while (entry != NULL) {
		const char *end = strchrnul(entry, ':');

		try_entry(st, &seen, entry, (size_t)(end - entry));
		entry = *end == '\0' ? NULL : end + 1;
	}
	if (seen.denied) {
		errno = EACCES;
		nsenter_fail(st, "exec", 0, st->job.path);
	}
	nsenter_fail_because(st, seen.dot ? NSENTER_D_DOT : NSENTER_D_LOOKUP, "exec", 0,
			     st->job.path);
}

/*
 * A bare name is looked up along the payload's own PATH, where the payload is;
 * relative entries are not followed (exec.ErrDot), no shell is tried.
 */
_Noreturn void nsenter_exec(struct stage *st)
{
	/* From here on the payload lives as long as it likes. */
	if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) != 0)
		nsenter_fail(st, "clear parent-death signal", 0, "");
	nsenter_step(st, "exec", 0);
	if (strchr(st->job.path, '/') == NULL)
		exec_along_path(st);
	execve(st->job.path, st->job.argv, st->job.envp);
	fail_exec(st, st->job.path);
}
