/*
 * A function as payload: the constructor returns, and the Go runtime boots here,
 * inside. No second exec; main runs, and its first line is nsenter.Init.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "available.h"
#include "stage.h"

#define NSENTER_TITLE_FUNCTION "nsexec:function"

static struct nsenter_function function = { -1, -1, -1, 0 };

struct nsenter_function nsenter_function(void)
{
	return function;
}

/* Nothing is executed that would close what is close-on-exec. */
static void close_others(const struct stage *st)
{
	for (uint32_t i = 0; i < st->nfds; i++)
		if (st->fds[i] != function.input && st->fds[i] != function.output)
			sys(close, st->fds[i]);
}

/*
 * The parent-death signal stays until the Go runtime runs (funcrun.go): what the
 * target has it wait for must not keep it longer than its caller.
 */
void nsenter_return(struct stage *st)
{
	nsenter_restore_signals(st);
	function.death_signal = (int)st->req->death_signal;
	function.sock = st->sock;
	function.input = stage_fd(st, st->req->input);
	function.output = stage_fd(st, st->req->output);
	close_others(st);
	nsenter_title(NSENTER_TITLE_FUNCTION);
	nsenter_step(st, "boot", 0);
}
