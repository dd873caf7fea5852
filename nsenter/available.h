/* Where the constructor was loaded: whether re-executing this program can work. */
#ifndef NSENTER_AVAILABLE_H
#define NSENTER_AVAILABLE_H

#include "request.h"

#pragma GCC visibility push(hidden)

enum nsenter_load {
	NSENTER_LOAD_NONE, /* the constructor has not run */
	NSENTER_LOAD_OK,
	NSENTER_LOAD_LIBRARY, /* not in the main executable: c-shared, plugin */
	NSENTER_LOAD_PAYLOAD, /* this is a payload itself: a function */
	NSENTER_LOAD_SECURE, /* AT_SECURE: set-user-ID, set-group-ID, file capabilities */
};

enum nsenter_load nsenter_load(void);

/* What a function is given, in its payload; -1 each elsewhere. See function.c. */
struct nsenter_function {
	int sock;
	int input;
	int output;
	int death_signal; /* the payload's when the caller exits; 0: none */
};

struct nsenter_function nsenter_function(void);

enum nsenter_move_state {
	NSENTER_MOVE_NONE, /* this program has not been asked to move */
	NSENTER_MOVE_DONE,
	NSENTER_MOVE_FAILED, /* error says why */
};

struct nsenter_moved {
	enum nsenter_move_state state;
	struct nsenter_reply error;
};

/* Whether this program is where Reexec has sent it. See move.c. */
struct nsenter_moved nsenter_moved(void);

/* Whether children of the program that have exited wait for it: not where SIGCHLD is ignored. */
int nsenter_leaves_zombies(void);

#pragma GCC visibility pop

#endif
