/*
 * What a process has of its parent by birth. A launcher is the parent's of
 * another day, so the caller says what has changed since.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "stage.h"

enum { SIGNALS = 64 };

static uint64_t bit_of(int sig)
{
	return UINT64_C(1) << (sig - 1);
}

/* For a launcher, of whose signals its payloads take those that are ignored. */
void nsenter_note_signals(struct stage *st)
{
	struct sigaction action;

	st->ignored = 0;
	for (int sig = 1; sig <= SIGNALS; sig++)
		if (sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			st->ignored |= bit_of(sig);
}

/* The one of open files is raised until the payload's are in place. */
static void set_limit(struct stage *st, const struct nsenter_limit *limit)
{
	const struct limit value = { limit->soft, limit->hard };

	if (limit->resource == RLIMIT_NOFILE)
		st->nofile = value;
	else
		must(st, sys(prlimit64, 0, limit->resource, &value, NULL), "set resource limit", 0,
		     "");
}

static void set_priority(const struct stage *st)
{
	must(st, sys(setpriority, PRIO_PROCESS, 0, st->req->nice), "set nice value", 0, "");
}

/* The mask may be longer than a cpu_set_t. */
static void set_processors(const struct stage *st)
{
	const size_t len = st->req->ncpus * sizeof(*st->job.cpus);

	if (len > 0)
		must(st, sys(sched_setaffinity, 0, len, st->job.cpus), "set processors", 0, "");
}

/* Those that a libc keeps for itself are none of the caller's either. */
static void set_disposition(uint64_t ignored, int sig)
{
	const struct sigaction action = {
		.sa_handler = (ignored & bit_of(sig)) ? SIG_IGN : SIG_DFL,
	};

	(void)sigaction(sig, &action, NULL);
}

/* Only what is not as it was when the launcher was started: that is mostly nothing. */
static void set_dispositions(struct stage *st, uint64_t ignored)
{
	const uint64_t changed = ignored ^ st->ignored;

	for (int sig = 1; sig <= SIGNALS; sig++)
		if (changed & bit_of(sig))
			set_disposition(ignored, sig);
	set_disposition(ignored, SIGCHLD); /* which the stages heed meanwhile */
	nsenter_heed_children(st);
}

/* By hand: a libc keeps some signals from being blocked. */
static void set_blocked(const struct stage *st)
{
	const uint64_t blocked = st->req->blocked;

	must(st, sys(rt_sigprocmask, SIG_SETMASK, &blocked, NULL, sizeof(blocked)), "block signals",
	     0, "");
}

/*
 * The fd goes before the target has a say: a program that it makes a link to
 * /proc/self/fd/N/... would be one of the host's (CVE-2024-21626 is its like).
 */
static void enter_here(struct stage *st)
{
	must(st, sys(fchdir, stage_fd(st, st->req->here)), "enter caller's directory", 0, "");
	if (!WEAK_HERE)
		nsenter_forget(st, st->req->here);
}

void nsenter_inherit(struct stage *st)
{
	if (!stage_wants(st, NSENTER_F_INHERIT))
		return;
	if (st->req->here >= 0)
		enter_here(st);
	set_blocked(st);
	for (uint32_t i = 0; i < st->req->nlimits; i++)
		set_limit(st, &st->job.limits[i]);
	set_priority(st);
	set_processors(st);
	nsenter_step(st, "inherit", 0);
}

/* What it takes no privilege for, and GO has brought. */
void nsenter_inherit_late(struct stage *st, const struct nsenter_go *go)
{
	if (!stage_wants(st, NSENTER_F_INHERIT))
		return;
	umask((mode_t)go->umask);
	set_dispositions(st, go->ignored);
}
