/*
 * The wire: what a caller and the constructor say to each other.
 *
 * This header is its only definition; Go uses these very structs and constants
 * through cgo. Both ends are the same executable, so there are no versions,
 * but magic and size are checked: a peer that is not us must not get far.
 *
 *	caller -> stage 0	one request, its fds attached as SCM_RIGHTS
 *	caller <- stage 0	MAP, if the caller is to write a user namespace's maps
 *	caller -> stage 0	GO, once it has
 *	caller <- stages	replies: STEP*, CLONED*, READY or ERROR
 *	caller -> payload	GO
 *	caller <- payload	end of file (exec worked, or death), or ERROR
 *	caller <- function	BOOTED, once the Go runtime runs in the payload; then
 *				NSENTER_DONE, one byte, when it has a result
 *	caller -> function	NSENTER_CANCEL
 *
 * A launcher is a stage 0 that stays. It is sent calls, each with the far end
 * of a socket on which the rest is as above:
 *
 *	caller -> launcher	START_WORKERS
 *	caller <- launcher	SERVING, once
 *	caller -> launcher	struct nsenter_call, its fds attached, for each request
 *	caller <- launcher	CLONED or ERROR, on the call's socket
 *
 * Its workers are called on a socket of their own, which keeps messages apart.
 *
 * A program that moves itself (Reexec) has nobody to talk to: its request is in a
 * sealed memfd, behind a struct nsenter_move, and nothing is replied.
 */
#ifndef NSENTER_REQUEST_H
#define NSENTER_REQUEST_H

#include <stdint.h>

/* Names the socket, or the memfd; its bytes are zeroed once it has been read. */
#define NSENTER_PIPE_ENV "_NSENTER_PIPE"

/*
 * argv[0] of a process that the library itself started. In such a process a
 * failed activation ends in _exit: a caller's main must never run twice.
 */
#define NSENTER_ARGV0 "nsexec:[0:JOIN]"
#define NSENTER_ARGV0_LAUNCHER "nsexec: launcher"

/*
 * What ps shows (15 bytes at most). Where nothing is cloned, stage 0 keeps its
 * title until exec: that is how the caller tells whether it got there.
 */
#define NSENTER_TITLE_0 "nsexec:[0:JOIN]"
#define NSENTER_TITLE_1 "nsexec:[1:EXEC]"
#define NSENTER_TITLE_LAUNCHER "nsexec:launcher"

#define NSENTER_MAGIC UINT32_C(0x6e736578)
#define NSENTER_MOVE_MAGIC UINT32_C(0x6e736d76)

/* Not a value that a stray byte or an end of file could be taken for. */
#define NSENTER_GO UINT32_C(0x6e73474f)
#define NSENTER_CANCEL 0x48
#define NSENTER_DONE 0x49

/* The kernel's SCM_MAX_FD: how many fds one message can carry. */
#define NSENTER_SCM_MAX_FD 253
#define NSENTER_MAX_FDS 1024
/* User namespaces nest 32 deep; seven more types. */
#define NSENTER_MAX_JOINS 40
/* Above what execve takes (6 MiB of strings), so that E2BIG is its answer. */
#define NSENTER_MAX_REQUEST (16u << 20)
#define NSENTER_MAX_GROUPS 65536u
#define NSENTER_MAX_LIMITS 16
#define NSENTER_MAX_CPU_WORDS 1024 /* 65,536 processors */
/* MIPS has that many. */
#define NSENTER_MAX_SIGNAL 128u

/* How a stage 0 ends that could not even read its request. */
enum nsenter_exit {
	NSENTER_EXIT_FAILED = 1, /* said why on the socket */
	NSENTER_EXIT_MUTE, /* a helper that cannot: it has nothing left to say it on */
	NSENTER_EXIT_SECURE = 65, /* AT_SECURE: set-user-ID or file capabilities */
	NSENTER_EXIT_VARIABLE, /* NSENTER_PIPE_ENV is missing or no number */
	NSENTER_EXIT_SOCKET, /* the fd is no Unix stream socket */
	NSENTER_EXIT_PEER, /* the socket's peer is not our parent */
	NSENTER_EXIT_THREADS, /* other threads run already */
};

enum nsenter_flag {
	NSENTER_F_TRACE = 1 << 0, /* report every step */
	NSENTER_F_FORK = 1 << 1, /* a pid namespace is joined */
	NSENTER_F_SET_UID = 1 << 2,
	NSENTER_F_SET_GID = 1 << 3, /* and the supplementary groups */
	NSENTER_F_IDS_IF_MAPPED = 1 << 4, /* an unmapped id is kept, not an error */
	NSENTER_F_NO_SETGROUPS = 1 << 5, /* the user namespace denies it */
	NSENTER_F_TRY_SETGROUPS = 1 << 6, /* nobody knows: EPERM means denied */
	NSENTER_F_NEW_ROOT = 1 << 7, /* cwd must lie inside the root */
	NSENTER_F_CALLER_MAPS = 1 << 8, /* the caller writes the maps of a new user namespace */
	NSENTER_F_DENY_SETGROUPS = 1 << 9, /* in a new user namespace, for good */
	NSENTER_F_MOUNT_PROC = 1 << 10, /* a procfs of the new pid namespace, on /proc */
	NSENTER_F_LOOPBACK_UP = 1 << 11, /* lo of a new network namespace */
	NSENTER_F_PIVOT = 1 << 12, /* to the root by pivot_root, not chroot */
	NSENTER_F_KEEP_CAPS = 1 << 13, /* capabilities survive exec, whoever the payload is */
	NSENTER_F_INIT = 1 << 14, /* the payload is an init whose child is the program */
	NSENTER_F_FUNCTION = 1 << 15, /* the payload is this program itself, not another */
	NSENTER_F_INHERIT = 1 << 16, /* umask and so on: a launcher's are of another day */
	NSENTER_F_SETSID = 1 << 17, /* a session of its own */
	NSENTER_F_SETCTTY = 1 << 18, /* ... whose terminal is fd 0 */
	NSENTER_F_ALL = (1 << 19) - 1,
};

/* One namespace to join, in the order in which it is joined. */
struct nsenter_join {
	uint64_t type; /* one CLONE_NEW* bit */
	uint64_t inode; /* what /proc/self/ns must show afterwards */
	int32_t fd; /* index of its handle among the fds; -1: by the pidfd */
	uint32_t reserved; /* 0 */
};

/* A resource limit (getrlimit(2)). */
struct nsenter_limit {
	uint64_t resource;
	uint64_t soft;
	uint64_t hard;
};

/*
 * Followed by struct nsenter_limit limits[nlimits], uint64_t cpus[ncpus] (a mask),
 * int32_t files[nfiles] (index among the fds, or -1: closed),
 * uint32_t groups[ngroups], then the strings: program, root, directory, uid map, gid
 * map, time offsets, host name, domain name, where procfs is mounted, arguments, environment. A
 * string is its length as uint32_t, its bytes, and a NUL that the length does not count.
 */
struct nsenter_request {
	uint32_t magic;
	uint32_t size; /* of this struct */
	uint32_t total; /* of the whole message */
	uint32_t flags; /* enum nsenter_flag */
	uint32_t nfds; /* how many fds travel with it */
	uint32_t nfiles; /* the payload's fds 0 to nfiles-1 */
	uint32_t ngroups;
	uint32_t argc;
	uint32_t envc;
	uint32_t njoins;
	int32_t pidfd; /* fd index: join all by one setns on it; or -1 */
	int32_t root; /* fd index of the payload's root; or -1 */
	int32_t cwd; /* fd index of its working directory; or -1 */
	int32_t input; /* fd index of what a function reads; or -1 */
	int32_t output; /* fd index of what it writes; or -1 */
	uint32_t uid;
	uint32_t gid;
	uint32_t propagation; /* of the mounts in a new mount namespace: MS_*; 0: as they are */
	uint32_t owner_uid; /* who creates a user namespace; UINT32_MAX: as they are */
	uint32_t owner_gid;
	uint32_t death_signal; /* the payload's when the caller exits; 0: none */
	int32_t here; /* fd index of the caller's working directory, of F_INHERIT; or -1 */
	uint64_t create; /* CLONE_NEW* bits: namespaces to create after joining */
	/* The following: NSENTER_F_INHERIT. */
	uint64_t blocked; /* signals, a bit each: 1 << (signal - 1) */
	int32_t nice;
	uint32_t reserved; /* 0 */
	uint32_t nlimits; /* those that are to be changed */
	uint32_t ncpus; /* words of the mask of processors to run on; 0: as it is */
	struct nsenter_join joins[NSENTER_MAX_JOINS];
};

/*
 * GO, also to go on from MAP. With NSENTER_F_INHERIT it tells what else the payload has of the
 * caller: only procfs knows that, so it takes a while, in which the payload joins.
 */
struct nsenter_go {
	uint32_t go; /* NSENTER_GO */
	uint32_t umask;
	uint64_t ignored; /* signals */
};

/* What stands in front of a request in a memfd, whose only argument is the program's comm. */
struct nsenter_move {
	uint32_t magic; /* NSENTER_MOVE_MAGIC */
	uint32_t size; /* of this struct */
	int32_t pid; /* whose request it is */
	uint32_t nfds;
	int32_t fds[NSENTER_MAX_JOINS]; /* what SCM_RIGHTS would carry, as numbers */
};

enum nsenter_kind {
	NSENTER_STEP = 0x41, /* only when traced */
	NSENTER_CLONED, /* pid: stage 1, as stage 0 sees it; or 0: the sender itself */
	NSENTER_MAP, /* pid: whose uid_map and gid_map the caller is to write */
	NSENTER_READY, /* the kernel attaches who sent it */
	NSENTER_ERROR,
	NSENTER_BOOTED, /* a function is about to run */
	NSENTER_SERVING, /* pid: 1 if the launcher can be in another pid namespace for the time of a
			    clone; detail: how many workers it has */
};

enum nsenter_stage {
	NSENTER_STAGE_CALLER,
	NSENTER_STAGE_0,
	NSENTER_STAGE_1,
	NSENTER_STAGE_PAYLOAD,
	NSENTER_STAGE_LAUNCHER,
};

enum nsenter_detail {
	NSENTER_D_NONE,
	NSENTER_D_LOOKUP, /* a bare name, found nowhere along PATH */
	NSENTER_D_DOT, /* ... but in a relative entry of it */
	NSENTER_D_INTERPRETER, /* the program is there; its interpreter, behind its NUL, is not */
	NSENTER_D_OUTSIDE, /* the working directory lies outside the root */
	NSENTER_D_CHANGED, /* the target changed its namespaces meanwhile */
	NSENTER_D_MALFORMED, /* the request is */
	NSENTER_D_NOEXEC, /* nothing may be executed on that mount */
};

/* What a launcher is to do. */
enum nsenter_call_kind {
	NSENTER_CALL_START_WORKERS =
		1, /* comes first; the fd is the socket where they are called */
	NSENTER_CALL_CLONE, /* a stage 0 with memory of its own; the request comes on the fd */
	NSENTER_CALL_WORKER, /* a stage 0 that shares memory; the same */
	NSENTER_CALL_WHO, /* answered by CLONED: which process a worker has cloned, if it is there
			     yet */
};

/* A call's fds. A stage 0 that is to be born in another pid namespace takes all three. */
enum nsenter_call_fd {
	NSENTER_CALL_SOCKET, /* the far end of the socket on which the call is answered */
	NSENTER_CALL_PID, /* the pid namespace to be born in */
	NSENTER_CALL_OWN_PID, /* the launcher's own */
	NSENTER_CALL_FDS,
};

/* What a launcher is sent. */
struct nsenter_call {
	uint32_t magic;
	uint16_t kind; /* enum nsenter_call_kind */
	uint16_t nfds; /* 1 or 3 */
	uint64_t number; /* of a call to a worker */
};

/* What a request takes at most that is read by a stage 0 with shared memory, argv and envp
 * included. */
#define NSENTER_SHARED_REQUEST 32768u

/* Any failure at any stage, and everything else a stage says. */
struct nsenter_reply {
	uint32_t magic;
	uint32_t kind; /* enum nsenter_kind */
	uint32_t stage; /* enum nsenter_stage */
	int32_t error; /* errno */
	uint32_t detail; /* enum nsenter_detail */
	int32_t pid; /* CLONED */
	uint64_t type; /* the namespace concerned, or 0 */
	uint64_t time; /* STEP: CLOCK_REALTIME, ns; no time namespace shifts it */
	char op[32]; /* what was done: a verb, and its object if that is fixed */
	char object[192]; /* to what: a path, cut if need be; or empty */
};

#endif
