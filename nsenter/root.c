/* The payload's root: a directory that the caller has opened. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "stage.h"

/* linux/mount.h, which glibc's sys/mount.h does not agree with before 2.36. */
enum {
	NSENTER_OPEN_TREE = 1 | AT_EMPTY_PATH | 0x8000 | O_CLOEXEC, /* clone, recursive */
	NSENTER_MOVE_BOTH_EMPTY = 0x4 | 0x40,
};

/*
 * A new mount namespace has mounts of its own: the directory that was opened
 * lies in those that they are copies of. The same directory is here under the
 * same path, or something else is.
 */
static int reopen(const struct stage *st, int root)
{
	const char *path = st->job.root;
	const long fd = sys(openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	struct stat want, got;

	must(st, fd, "open root", 0, path);
	if (fstat((int)fd, &got) != 0 || fstat(root, &want) != 0 || want.st_dev != got.st_dev ||
	    want.st_ino != got.st_ino)
		nsenter_fail(st, ESTALE, "open root", 0, path);
	return (int)fd;
}

static int find_root(const struct stage *st)
{
	const int root = stage_fd(st, st->req->root);

	if (root < 0 || !(st->req->create & CLONE_NEWNS))
		return root;
	return reopen(st, root);
}

/* A copy of the directory's mounts, put upon itself; what lies there now. */
static long cover(int root)
{
	const long tree = sys(open_tree, root, "", NSENTER_OPEN_TREE);

	if (is_error(tree))
		return tree;
	return is_error(sys(move_mount, tree, "", root, "", NSENTER_MOVE_BOTH_EMPTY)) ? -ENOSYS
										      : tree;
}

/* The same in the old way, for where filters hide these calls from who may mount. */
static long cover_by_path(const struct stage *st, int root)
{
	const char *op = "cover root", *path = st->job.root;

	must(st, sys(fchdir, root), op, 0, path);
	must(st, sys(mount, ".", ".", NULL, MS_BIND | MS_REC, NULL), op, 0, path);
	return reopen(st, root);
}

/*
 * Both arguments of pivot_root may be one directory (pivot_root(2)): the old
 * root then lies on top of the new one, and is taken off. It has to be a mount,
 * so a copy of it is put upon itself first.
 */
static void pivot(const struct stage *st, int root)
{
	const char *op = "pivot root to", *path = st->job.root;
	long top = cover(root);

	if (is_error(top))
		top = cover_by_path(st, root);
	must(st, sys(fchdir, top), op, 0, path);
	must(st, sys(pivot_root, ".", "."), op, 0, path);
	must(st, sys(umount2, ".", MNT_DETACH), op, 0, path);
	sys(close, top);
}

/* Through an fd of what lies outside, a payload that does not exec could get out. */
static void forget_root(struct stage *st, int root)
{
	if (root != stage_fd(st, st->req->root))
		sys(close, root);
	nsenter_forget(st, st->req->root);
}

void nsenter_enter_root(struct stage *st)
{
	const int root = find_root(st);

	if (root < 0)
		return;
	if (stage_wants(st, NSENTER_F_PIVOT))
		pivot(st, root);
	else
		must(st, sys(fchdir, root), "enter root", 0, st->job.root);
	must(st, sys(chroot, "."), "change root to", 0, st->job.root);
	forget_root(st, root);
	nsenter_step(st, "change root", 0);
}
