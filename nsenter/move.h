/* A program that moves itself: what move.c and born.c share. */
#ifndef NSENTER_MOVE_H
#define NSENTER_MOVE_H

#include <setjmp.h>
#include <signal.h>
#include <sys/types.h>

#include "request.h"
#include "stage.h"

#pragma GCC visibility push(hidden)

/* What children have to say; in memory that they share. */
struct shared {
	struct nsenter_reply error;
	pid_t program;
};

struct move {
	pid_t pid;
	int memfd;
	int dumpable; /* this and the next two as execve has left them */
	int death_signal;
	sigset_t blocked;
	int pair; /* to the program's new process, while signals wait for it; or -1 */
	struct shared *shared; /* NULL until there are children */
	jmp_buf stay;
};

/* move.c */
void nsenter_enter(struct stage *st);
pid_t nsenter_clone_child(const struct stage *st, unsigned long flags);
void nsenter_await_child(const struct stage *st, pid_t child);

/* born.c: into a pid namespace */
void nsenter_be_born(struct stage *st);
void nsenter_end_birth(const struct stage *st);

#pragma GCC visibility pop

#endif
