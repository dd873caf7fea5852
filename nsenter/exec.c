/* The last step: the program is looked for, and takes over. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "stage.h"

int nsenter_may_access(const char *path, int mode)
{
	return sys(faccessat, AT_FDCWD, path, mode) == 0;
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
	int denied; /* EACCES of a file that is there */
	int noexec; /* the mount of such a file is why */
	int dot; /* it is in a relative entry: not taken, but said */
};

/* Whether the failure of execve means no more than "not here". */
static int is_elsewhere(long error, const char *path)
{
	switch (error) {
	case -ENOTDIR:
	case -ENODEV:
	case -ESTALE:
	case -ETIMEDOUT:
		return 1;
	case -ELOOP: /* of the program, or of its interpreter */
	case -ENAMETOOLONG:
	case -ENOENT:
		return !nsenter_may_access(path, F_OK);
	}
	return 0;
}

/*
 * Not a directory, and not what only might be there, behind a directory that is
 * closed to this user.
 */
static int is_file(const char *path)
{
	const long fd = sys(openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	if (fd >= 0)
		sys(close, fd);
	return fd < 0 && nsenter_may_access(path, F_OK);
}

static void note_denied(struct lookup *seen, const char *path)
{
	if (!is_file(path))
		return;
	seen->denied = 1;
	seen->noexec |= nsenter_is_on_noexec(path);
}

/* Returns only if the program is not here; any other failure is the answer. */
static void try_entry(const struct stage *st, struct lookup *seen, const char *dir, size_t len)
{
	char path[PATH_MAX];
	long error;

	if (!join_path(path, len > 0 ? dir : ".", len > 0 ? len : 1, st->job.path))
		return;
	if (path[0] != '/') {
		seen->dot |= nsenter_may_access(path, X_OK) && is_file(path);
		return;
	}
	error = sys(execve, path, st->job.argv, st->job.envp);
	if (error == -EACCES)
		note_denied(seen, path);
	else if (!is_elsewhere(error, path))
		nsenter_fail_exec(st, error, path);
}

static _Noreturn void exec_along_path(const struct stage *st)
{
	const char *entry = path_variable(st);
	struct lookup seen = { 0 };

	/* An empty PATH has no entry, not an empty one. */
	if (entry != NULL && *entry == '\0')
		entry = NULL;
	while (entry != NULL) {
		const char *end = strchrnul(entry, ':');

		try_entry(st, &seen, entry, (size_t)(end - entry));
		entry = *end == '\0' ? NULL : end + 1;
	}
	if (seen.noexec)
		nsenter_fail_because(st, NSENTER_D_NOEXEC, "exec", 0, st->job.path);
	if (seen.denied)
		nsenter_fail(st, EACCES, "exec", 0, st->job.path);
	nsenter_fail_because(st, seen.dot ? NSENTER_D_DOT : NSENTER_D_LOOKUP, "exec", 0,
			     st->job.path);
}

/*
 * A bare name is looked up along the payload's own PATH, where the payload is;
 * relative entries are not followed (exec.ErrDot), no shell is tried.
 */
_Noreturn void nsenter_exec(struct stage *st)
{
	nsenter_release(st);
	nsenter_step(st, "exec", 0);
#if WEAK_LATE
	nsenter_title_by_path();
#endif
	if (strchr(st->job.path, '/') == NULL)
		exec_along_path(st);
	nsenter_fail_exec(st, sys(execve, st->job.path, st->job.argv, st->job.envp), st->job.path);
}
