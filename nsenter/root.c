/* The payload's root: a directory that the caller has opened. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

/* One number on every architecture but alpha; 5.2. */
#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif

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
	struct stat want, got;
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &got) != 0 || fstat(root, &want) != 0)
		nsenter_fail(st, "open root", 0, path);
	if (want.st_dev != got.st_dev || want.st_ino != got.st_ino) {
		errno = ESTALE;
		nsenter_fail(st, "open root", 0, path);
	}
	return fd;
}

static int find_root(const struct stage *st)
{
	const int root = stage_fd(st, st->req->root);

	if (root < 0 || !(st->req->create & CLONE_NEWNS))
		return root;
	return reopen(st, root);
}

/*
 * Both arguments of pivot_root may be one directory (pivot_root(2)): the old
 * root then lies on top of the new one, and is taken off. It has to be a mount,
 * so a copy of it is put upon itself first.
 */
static int pivot(int root)
{
	int done, tree = (int)syscall(SYS_open_tree, root, "", NSENTER_OPEN_TREE);

	if (tree < 0 || syscall(SYS_move_mount, tree, "", root, "", NSENTER_MOVE_BOTH_EMPTY) != 0)
		return -1;
	if (fchdir(tree) != 0 || syscall(SYS_pivot_root, ".", ".") != 0)
		return -1;
	done = umount2(".", MNT_DETACH);
	close(tree);
	return done;
}

/* Through an fd of what lies outside, a payload that does not exec could get out. */
static void forget_root(struct stage *st, int root)
{
	int *sent = &st->fds[st->req->root];

	if (root != *sent)
		close(root);
	close(*sent);
	*sent = -1;
}

void nsenter_enter_root(struct stage *st)
{
	const int root = find_root(st);

	if (root < 0)
		return;
	if (stage_wants(st, NSENTER_F_PIVOT) && pivot(root) != 0)
		nsenter_fail(st, "pivot root to", 0, st->job.root);
	else if (!stage_wants(st, NSENTER_F_PIVOT) && fchdir(root) != 0)
		nsenter_fail(st, "enter root", 0, st->job.root);
	if (chroot(".") != 0)
		nsenter_fail(st, "change root to", 0, st->job.root);
	forget_root(st, root);
	nsenter_step(st, "change root", 0);
}
