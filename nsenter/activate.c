/* Whether the constructor has anything to do in this process, or must not exist. */
#define _GNU_SOURCE
#include <errno.h>
#include <link.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "available.h"
#include "stage.h"

extern char **environ;

/* The file header of the object that this code was linked into: ld, gold and lld define it. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((weak, visibility("hidden")));

/*
 * Only in the main executable is /proc/self/exe a program that has this
 * constructor. In a shared library or a plugin it is the host's program, and
 * re-executing that would run the host a second time.
 */
static int in_main_executable(void)
{
	const uintptr_t start = (uintptr_t)&__ehdr_start;

	if (start == 0)
		return 0;
	return getauxval(AT_ENTRY) ==
	       __ehdr_start.e_entry + (__ehdr_start.e_type == ET_DYN ? start : 0);
}

/*
 * unshare(CLONE_THREAD) changes nothing: it is EINVAL in a process that has
 * other threads, and succeeds in one that has none (unshare(2)). Any other
 * errno is a filter's. Filters can also kill for it: it is called where there is
 * a request only, never in a program that merely links the library.
 */
int nsenter_is_single_threaded(void)
{
	return sys(unshare, CLONE_THREAD) != -EINVAL;
}

static enum nsenter_load examine_load(void)
{
	if (!in_main_executable())
		return NSENTER_LOAD_LIBRARY;
	if (getauxval(AT_SECURE) != 0)
		return NSENTER_LOAD_SECURE;
	return NSENTER_LOAD_OK;
}

/*
 * glibc and musl keep argv[0] here before any constructor of the executable
 * runs; only glibc passes argv to constructors.
 */
static int is_named(const char *name)
{
	return program_invocation_name != NULL && strcmp(program_invocation_name, name) == 0;
}

int nsenter_is_launcher(void)
{
	return is_named(NSENTER_ARGV0_LAUNCHER);
}

char *nsenter_find_variable(void)
{
	const size_t len = strlen(NSENTER_PIPE_ENV "=");

	if (environ == NULL)
		return NULL;
	for (char **e = environ; *e != NULL; e++)
		if (strncmp(*e, NSENTER_PIPE_ENV "=", len) == 0)
			return *e;
	return NULL;
}

/* The fd that the variable names, or -1: digits only, and no more than an fd can be. */
int nsenter_parse_fd(const char *variable)
{
	const char *digits = variable + strlen(NSENTER_PIPE_ENV "=");
	int fd = 0;

	if (*digits == '\0' || strlen(digits) > 7)
		return -1;
	for (; *digits != '\0'; digits++) {
		if (*digits < '0' || *digits > '9')
			return -1;
		fd = fd * 10 + (*digits - '0');
	}
	return fd;
}

static int option(int fd, int name)
{
	int value;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

/*
 * The caller made the socket and is our parent. A caller that has died is not:
 * we have been given to another parent.
 */
static int peer_is_parent(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return 0;
	return peer.pid > 0 && peer.pid == getppid();
}

/* Returns 0 and the socket, or why this is no request to the constructor. */
static enum nsenter_exit examine_request(enum nsenter_load load, int *sock)
{
	char *variable = nsenter_find_variable();

	if (load == NSENTER_LOAD_SECURE)
		return NSENTER_EXIT_SECURE;
	*sock = variable == NULL ? -1 : nsenter_parse_fd(variable);
	if (*sock < 0)
		return NSENTER_EXIT_VARIABLE;
	if (option(*sock, SO_DOMAIN) != AF_UNIX || option(*sock, SO_TYPE) != SOCK_STREAM)
		return NSENTER_EXIT_SOCKET;
	if (!peer_is_parent(*sock))
		return NSENTER_EXIT_PEER;
	if (!nsenter_is_single_threaded())
		return NSENTER_EXIT_THREADS;
	if (!WEAK_VARIABLE)
		memset(variable, 0, strlen(variable));
	return 0;
}

/*
 * Returns the socket to the caller, or -1 in a program that nobody asked to
 * join anything, which then runs as if this library were not linked. Does not
 * return in a process that the library started for nothing.
 */
int nsenter_activate(enum nsenter_load *load)
{
	enum nsenter_exit refusal;
	int sock;

	*load = examine_load();
	if (*load == NSENTER_LOAD_LIBRARY)
		return -1;
	refusal = examine_request(*load, &sock);
	if (refusal == 0)
		return sock;
	if (!WEAK_INERT && (is_named(NSENTER_ARGV0) || nsenter_is_launcher()))
		_exit(refusal);
	return -1;
}
