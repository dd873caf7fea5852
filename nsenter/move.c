/*
 * The calling program itself moves (Reexec): it has executed itself, with the
 * same pid, arguments and environment, and this is the moment at which it has
 * one thread. It joins, the constructor returns, and main runs again, inside.
 *
 * There is nobody to hear of a failure but main: it runs all the same, and its
 * Reexec returns the error. It must not run half inside, so a child does
 * everything first, and is gone before the program does the same.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "move.h"

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 0x1
#define F_SEAL_SHRINK 0x2
#define F_SEAL_GROW 0x4
#define F_SEAL_WRITE 0x8
#endif

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* 5.6 */
#endif

#define NSENTER_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static struct nsenter_moved moved;

struct nsenter_moved nsenter_moved(void)
{
	return moved;
}

/*
 * A memfd that nobody can change any more, and that names this very process: it
 * was made here, before execve. Whoever could forge it is this process already;
 * one that has gained privileges since (AT_SECURE) has never come this far.
 */
static int is_for_us(int memfd, struct nsenter_move *request)
{
	const int seals = fcntl(memfd, F_GET_SEALS);

	if (seals < 0 || (seals & NSENTER_SEALS) != NSENTER_SEALS)
		return 0;
	if (pread(memfd, request, sizeof(*request), 0) != (ssize_t)sizeof(*request))
		return 0;
	return request->magic == NSENTER_MOVE_MAGIC && request->size == sizeof(*request) &&
	       request->pid == getpid() && request->nfds <= NSENTER_MAX_JOINS;
}

/* Back to where the move began; of a child, its end. */
_Noreturn void nsenter_stay_behind(const struct stage *st, const struct nsenter_reply *error)
{
	struct move *const m = st->move;

	if (m->shared != NULL)
		m->shared->error = *error;
	if (m->pid != getpid())
		_exit(NSENTER_EXIT_FAILED);
	moved.error = *error;
	longjmp(m->stay, 1);
}

static void refuse_threads(const struct stage *st)
{
	if (!nsenter_is_single_threaded())
		nsenter_fail(st, EBUSY, "be the only thread", 0, "");
}

/* They take something to be written from outside: they are made before, and joined here. */
static void refuse_made(const struct stage *st)
{
	const uint64_t made = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWTIME;

	if (st->req->create & made)
		nsenter_fail_because(st, NSENTER_D_MALFORMED, "read request", 0, "cannot create");
}

static void share_memory(struct stage *st)
{
	const long shared = sys_map(sizeof(*st->move->shared), MAP_SHARED);

	st->move->shared = (void *)must(st, shared, "map memory", 0, "");
}

/* All that moves the program, and all of it that can fail. */
void nsenter_enter(struct stage *st)
{
	nsenter_join_namespaces(st);
	nsenter_create_namespaces(st);
	nsenter_become(st);
}

pid_t nsenter_clone_child(const struct stage *st, unsigned long flags)
{
	return (pid_t)must(st, nsenter_clone(flags), "clone", 0, "");
}

/* Waits until a child has ended, and stays behind if it has not ended well. */
void nsenter_await_child(const struct stage *st, pid_t child)
{
	int status;
	const long who = sys_wait(child, &status, __WALL);

	if (who == child && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (who == child && WIFEXITED(status)) {
		const struct nsenter_reply said = st->move->shared->error;

		nsenter_stay_behind(st, &said);
	}
	nsenter_fail(st, ECANCELED, "wait for child", 0, "");
}

/*
 * The child's end sends no signal: if the program ignores SIGCHLD the kernel would
 * reap it, and other children's signals are none of our business.
 */
static void rehearse(struct stage *st)
{
	const pid_t child = nsenter_clone_child(st, 0);

	if (child == 0) {
		nsenter_enter(st);
		_exit(0);
	}
	nsenter_await_child(st, child);
}

/* What has served. Nothing that the program was given is among it. */
static void close_request(struct stage *st)
{
	nsenter_close_received(st, 0);
	sys(close, st->move->memfd);
	(void)sys(prlimit64, 0, RLIMIT_NOFILE, &st->nofile, NULL);
}

static void move(struct stage *st)
{
	refuse_threads(st);
	nsenter_read_request(st, st->move->memfd);
	refuse_made(st);
	nsenter_title(st->job.argv[0]);
	nsenter_raise_nofile(st, UINT32_MAX / 2);
	nsenter_harden(st);
	share_memory(st);
	if (stage_wants(st, NSENTER_F_FORK)) {
		nsenter_be_born(st);
	} else {
		rehearse(st);
		nsenter_enter(st);
	}
	moved.state = NSENTER_MOVE_DONE;
}

/*
 * Not dumpable on the way (CVE-2016-9962), but the program is to be as execve
 * makes one: its owner may trace it and read its /proc/PID. By now it has nothing
 * but what it was given to take along.
 */
static void restore(struct stage *st)
{
	struct move *const m = st->move;

	if (m->pair >= 0)
		nsenter_end_birth(st);
	if (m->shared != NULL)
		sys(munmap, m->shared, sizeof(*m->shared));
	close_request(st);
	if (m->dumpable == 1)
		(void)sys(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
	(void)sys(prctl, PR_SET_PDEATHSIG, m->death_signal, 0, 0, 0);
}

/* Does nothing in a program that has not asked for it. */
void nsenter_move(struct stage *st)
{
	static struct move the_move;
	struct move *const m = &the_move;
	char *const variable = nsenter_find_variable();
	struct nsenter_move request;

	m->memfd = variable == NULL ? -1 : nsenter_parse_fd(variable);
	if (m->memfd < 0 || !is_for_us(m->memfd, &request))
		return;
	memset(variable, 0, strlen(variable));
	memcpy(st->fds, request.fds, sizeof(request.fds));
	st->nfds = request.nfds; /* to be closed, whatever becomes of the request */
	m->pid = request.pid;
	m->pair = -1;
	m->dumpable = (int)sys(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
	(void)sys(prctl, PR_GET_PDEATHSIG, &m->death_signal, 0, 0, 0);
	st->move = m;
	moved.state = NSENTER_MOVE_FAILED;
	if (setjmp(m->stay) == 0)
		move(st);
	restore(st);
}
