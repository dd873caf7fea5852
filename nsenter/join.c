/* Into the namespaces: by one setns on the target's pidfd, or one by one. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "stage.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* 5.6 */
#endif

/*
 * What /proc/self/ns calls a namespace that this process has joined. A pid
 * namespace is joined by the children only.
 */
static const char *identity_path(uint64_t type)
{
	switch (type) {
	case CLONE_NEWUSER:
		return "/proc/self/ns/user";
	case CLONE_NEWCGROUP:
		return "/proc/self/ns/cgroup";
	case CLONE_NEWIPC:
		return "/proc/self/ns/ipc";
	case CLONE_NEWUTS:
		return "/proc/self/ns/uts";
	case CLONE_NEWNET:
		return "/proc/self/ns/net";
	case CLONE_NEWPID:
		return "/proc/self/ns/pid_for_children";
	case CLONE_NEWNS:
		return "/proc/self/ns/mnt";
	case CLONE_NEWTIME:
		return "/proc/self/ns/time";
	}
	return "";
}

/*
 * The links themselves, opened while /proc is still the caller's: reading them
 * later resolves no path, and a link leads nowhere, unlike a procfs directory
 * (CVE-2016-8649).
 */
static void open_identities(struct stage *st)
{
	for (uint32_t i = 0; i < st->req->njoins; i++) {
		const char *path = identity_path(st->req->joins[i].type);
		long fd = sys(openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);

		st->identities[i] = (int)must(st, fd, "open", st->req->joins[i].type, path);
	}
}

/* The number in "net:[4026531840]"; 0 if it is not of that form. */
static uint64_t inode_in(const char *link)
{
	const char *digits = strchr(link, '[');
	uint64_t inode = 0;

	if (digits == NULL)
		return 0;
	for (digits++; *digits >= '0' && *digits <= '9'; digits++)
		inode = inode * 10 + (uint64_t)(*digits - '0');
	return inode;
}

/*
 * A set describes its target as it was. The target may have moved on since,
 * into namespaces that nobody has agreed to enter.
 */
static void check_identity(const struct stage *st, uint32_t i)
{
	const struct nsenter_join *join = &st->req->joins[i];
	char link[64];
	long n = sys(readlinkat, st->identities[i], "", link, sizeof(link) - 1);

	link[must(st, n, "read", join->type, identity_path(join->type))] = '\0';
	if (inode_in(link) != join->inode)
		nsenter_fail_because(st, NSENTER_D_CHANGED, "join", join->type, "");
	sys(close, st->identities[i]);
}

static uint64_t all_types(const struct nsenter_request *req)
{
	uint64_t all = 0;

	for (uint32_t i = 0; i < req->njoins; i++)
		all |= req->joins[i].type;
	return all;
}

/*
 * The kernel goes user namespace first and checks every namespace against the
 * credentials that we have now (5.8): this succeeds where no order one by one
 * would, and joins all or nothing.
 */
static void join_process(struct stage *st)
{
	const uint64_t all = all_types(st->req);

	open_identities(st);
	must(st, sys(setns, stage_fd(st, st->req->pidfd), all), "join", all, "");
	for (uint32_t i = 0; i < st->req->njoins; i++)
		check_identity(st, i);
	nsenter_harden(st);
	nsenter_step(st, "join", all);
}

/* The order is the caller's, who knows which namespace owns which. */
static void join_one_by_one(struct stage *st)
{
	for (uint32_t i = 0; i < st->req->njoins; i++) {
		const struct nsenter_join *join = &st->req->joins[i];

		must(st, sys(setns, stage_fd(st, join->fd), join->type), "join", join->type, "");
		if (join->type == CLONE_NEWUSER)
			nsenter_harden(st);
		nsenter_step(st, "join", join->type);
	}
}

/* Those that new ones depend on: whose they are, and what their clocks start from. */
static int comes_first(uint64_t type)
{
	return type == CLONE_NEWUSER || type == CLONE_NEWTIME;
}

static void join_first_of_process(const struct stage *st)
{
	uint64_t first = all_types(st->req) & (CLONE_NEWUSER | CLONE_NEWTIME);

	if (first != 0)
		must(st, sys(setns, stage_fd(st, st->req->pidfd), first), "join", first, "");
}

static void join_first_one_by_one(const struct stage *st)
{
	for (uint32_t i = 0; i < st->req->njoins; i++) {
		const struct nsenter_join *join = &st->req->joins[i];

		if (comes_first(join->type))
			must(st, sys(setns, stage_fd(st, join->fd), join->type), "join", join->type,
			     "");
	}
}

/* For a process that has to be somebody where new namespaces begin. */
void nsenter_join_first(const struct stage *st)
{
	if (st->req->pidfd >= 0)
		join_first_of_process(st);
	else
		join_first_one_by_one(st);
	if (all_types(st->req) & CLONE_NEWUSER)
		nsenter_become_root(st);
}

void nsenter_join_namespaces(struct stage *st)
{
	if (st->req->njoins == 0)
		return;
	if (st->req->pidfd >= 0)
		join_process(st);
	else
		join_one_by_one(st);
}
