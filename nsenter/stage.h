/*
 * What a stage knows, and the steps it takes: one file a theme, one function a
 * step. nsexec.c puts them in order.
 *
 * No step returns an error: a stage that cannot go on says why and exits
 * (nsenter_fail). Nothing here allocates, uses stdio or loads libraries: in
 * the target's mount namespace the libc may only be trusted with system calls.
 */
#ifndef NSENTER_STAGE_H
#define NSENTER_STAGE_H

#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "available.h"
#include "decode.h"
#include "request.h"
#include "sys.h"
#include "weak.h"

#pragma GCC visibility push(hidden)

/* struct sigaction as the kernel has it, which is not as a libc does: kept and given back. */
struct disposition {
	uint64_t opaque[8];
};

/* struct rlimit64 */
struct limit {
	uint64_t soft;
	uint64_t hard;
};

struct stage {
	enum nsenter_stage name;
	int sock; /* to the caller */
	int calls; /* a launcher's, on which calls come */
	sigset_t mask; /* blocked signals as they were inherited */
	uint64_t ignored; /* a launcher's: which signals are, a bit each */
	struct disposition sigchld; /* as it was inherited */
	struct limit nofile; /* RLIMIT_NOFILE as it was inherited */
	void *area; /* for the request, of NSENTER_SHARED_REQUEST bytes; NULL: memory is its own */
	int ready; /* READY has been said */
	struct nsenter_request *req;
	struct nsenter_job job;
	uint32_t nfds; /* how many fds have arrived */
	int identities[NSENTER_MAX_JOINS]; /* see nsenter_join_namespaces */
	struct made *made; /* see nsenter_make_namespaces */
	struct move *move; /* of the calling program itself; NULL in all that it starts */
	int fds[NSENTER_MAX_FDS]; /* last: most are never touched, and take no memory */
};

/* activate.c: is this process ours? */
int nsenter_activate(enum nsenter_load *load);
int nsenter_is_launcher(void);

/* launcher.c: a stage 0 that stays; returns in those that it forks */
void nsenter_serve(struct stage *st);

int nsenter_receive_call(struct stage *st, struct nsenter_call *call);

/* worker.c: a launcher's threads, whose payloads share its memory */
int nsenter_start_workers(const struct stage *launcher, int calls);
pid_t nsenter_payload_of(uint64_t number);

/* nsexec.c: from the request to the payload; returns in a function's */
void nsenter_take_steps(struct stage *st);
char *nsenter_find_variable(void);
int nsenter_parse_fd(const char *variable);
int nsenter_is_single_threaded(void);

/* channel.c: talking with the caller */
void nsenter_receive(struct stage *st);
void nsenter_read_request(struct stage *st, int memfd);
void nsenter_step(const struct stage *st, const char *op, uint64_t type);
ssize_t nsenter_receive_message(struct stage *st, void *buf, size_t len);
void nsenter_serving(const struct stage *st, int moves, int workers);
void nsenter_cloned(const struct stage *st, pid_t pid);
void nsenter_ask_for_maps(const struct stage *st, pid_t pid);
void nsenter_ready(const struct stage *st);
struct nsenter_go nsenter_await_go(const struct stage *st);
void nsenter_say_error(const struct stage *st, long error, const char *op, uint64_t type,
		       const char *object);
_Noreturn void nsenter_fail(const struct stage *st, long error, const char *op, uint64_t type,
			    const char *object);
_Noreturn void nsenter_fail_because(const struct stage *st, enum nsenter_detail detail,
				    const char *op, uint64_t type, const char *object);
_Noreturn void nsenter_fail_with(const struct stage *st, enum nsenter_detail detail, const char *op,
				 const char *object, size_t len);

/* move.c: the calling program itself moves */
void nsenter_move(struct stage *st);
_Noreturn void nsenter_stay_behind(const struct stage *st, const struct nsenter_reply *error);

/* process.c: what the process itself must be */
void nsenter_harden(const struct stage *st);
void nsenter_become_opaque(const struct stage *st);
pid_t nsenter_clone(unsigned long flags);
void nsenter_title(const char *title);
void nsenter_close_inherited(const struct stage *st);
void nsenter_close_all_but(const struct stage *st, int keep, int too);
void nsenter_close_received(struct stage *st, uint32_t i);
void nsenter_forget(struct stage *st, int32_t i);
void nsenter_close_all(const struct stage *st);
void nsenter_heed_children(struct stage *st);
void nsenter_outlive_caller(const struct stage *st);
void nsenter_restore_signals(const struct stage *st);
void nsenter_release(const struct stage *st);
void nsenter_raise_nofile(const struct stage *st, uint32_t fds);

/* join.c: into the namespaces */
void nsenter_join_namespaces(struct stage *st);
void nsenter_join_first(const struct stage *st);

/* make.c: new namespaces that something has to be written for, beforehand */
void nsenter_make_namespaces(struct stage *st);
int nsenter_made_user(const struct stage *st);
int nsenter_made_time(const struct stage *st);

/* create.c: new namespaces on top of those joined */
void nsenter_create_namespaces(struct stage *st);
void nsenter_create_pid(const struct stage *st);
long nsenter_new_mount(const char *type);
int nsenter_make_procfs(const struct stage *st); /* -1: none is wanted */
void nsenter_mount_procfs(const struct stage *st, int procfs);

/* root.c: the payload's root */
void nsenter_enter_root(struct stage *st);

/* inherit.c: what a launcher's payload would have of its caller by birth */
void nsenter_note_signals(struct stage *st);
void nsenter_inherit(struct stage *st);
void nsenter_inherit_late(struct stage *st, const struct nsenter_go *go);

/* payload.c: what the payload starts with */
void nsenter_leave_groups(const struct stage *st);
void nsenter_become(const struct stage *st);
void nsenter_become_root(const struct stage *st);
int nsenter_has_owner(const struct stage *st);
void nsenter_become_owner(const struct stage *st);
void nsenter_enter_cwd(const struct stage *st);
void nsenter_place_files(struct stage *st);

/* session.c: away from the caller's terminal */
void nsenter_new_session(const struct stage *st);

/* capabilities.c: what is left of them after exec */
void nsenter_hold_capabilities(const struct stage *st);
void nsenter_keep_capabilities(const struct stage *st);

/* exec.c: the program takes over */
int nsenter_may_access(const char *path, int mode);
_Noreturn void nsenter_exec(struct stage *st);

/* unexecuted.c: why it could not */
int nsenter_is_on_noexec(const char *path);
_Noreturn void nsenter_fail_exec(const struct stage *st, long error, const char *path);

/* weak.c: in weakened builds only */
void nsenter_title_by_path(void);

/* function.c: this program's own Go runtime takes over */
void nsenter_return(struct stage *st);

/* init.c: the first process of a pid namespace, if asked for */
void nsenter_init(struct stage *st);
_Noreturn void nsenter_stand_in(pid_t program, const sigset_t *all);

#pragma GCC visibility pop

/* The result of a system call that has to succeed. */
static inline long must(const struct stage *st, long result, const char *op, uint64_t type,
			const char *object)
{
	if (is_error(result))
		nsenter_fail(st, result, op, type, object);
	return result;
}

/* Whether one of the flags is set. */
static inline int stage_wants(const struct stage *st, uint32_t flags)
{
	return (st->req->flags & flags) != 0;
}

/* The fd that the request calls index i; -1 where it names none. */
static inline int stage_fd(const struct stage *st, int32_t i)
{
	return i < 0 ? -1 : st->fds[i];
}

#endif
