/* Talking with the caller: the request comes in, replies go out. */
#define _GNU_SOURCE
#include "stage.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

union rights {
	struct cmsghdr header;
	char space[CMSG_SPACE(NSENTER_SCM_MAX_FD * sizeof(int))];
};

union credentials {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(struct ucred))];
};

/* Keeps the fds of one message; returns 0 if there are more than any request has. */
static int keep_fds(struct stage *st, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		if (n > NSENTER_MAX_FDS - st->nfds)
			return 0;
		memcpy(st->fds + st->nfds, CMSG_DATA(c), n * sizeof(int));
		st->nfds += n;
	}
	return 1;
}

/*
 * One recvmsg, with what it returns, or a negative errno. There is control space from the first
 * byte on: a plain read throws attached fds away. MSG_CTRUNC means that some of them did not fit
 * below RLIMIT_NOFILE.
 */
ssize_t nsenter_receive_message(struct stage *st, void *buf, size_t len)
{
	union rights control;
	struct iovec iov = { buf, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	long n;

	do
		n = sys(recvmsg, st->sock, &msg, MSG_CMSG_CLOEXEC);
	while (n == -EINTR);
	if (n < 0)
		return n;
	if (!keep_fds(st, &msg) || msg.msg_flags & MSG_TRUNC)
		return -E2BIG;
	return (msg.msg_flags & MSG_CTRUNC) ? -EMFILE : n;
}

/* A caller that has gone away, or given up, hears who else had been there. */
static size_t receive_some(struct stage *st, void *buf, size_t len)
{
	ssize_t n = nsenter_receive_message(st, buf, len);

	if (n <= 0)
		nsenter_fail(st, n == 0 ? ECONNRESET : n, "receive request", 0, "");
	return (size_t)n;
}

static void receive_exactly(struct stage *st, void *buf, size_t len)
{
	for (size_t have = 0; have < len;)
		have += receive_some(st, (char *)buf + have, len - have);
}

static void refuse_malformed(const struct stage *st, const char *why)
{
	if (why != NULL && !WEAK_MALFORMED)
		nsenter_fail_because(st, NSENTER_D_MALFORMED, "read request", 0, why);
}

/* One area for the message and, behind it, for argv and envp. */
static void *map_request(const struct stage *st, const struct nsenter_request *head)
{
	size_t len = head->total + 7 + nsenter_vec_len(head) * sizeof(char *);

	if (st->area != NULL && len <= NSENTER_SHARED_REQUEST)
		return st->area;
	if (st->area != NULL) /* what is mapped here would stay in the launcher */
		nsenter_fail(st, E2BIG, "map request", 0, "");
	return (void *)must(st, sys_map(len, MAP_PRIVATE), "map request", 0, "");
}

static char **vec_behind(struct nsenter_request *req)
{
	return (char **)((char *)req + ((req->total + 7u) & ~7u));
}

void nsenter_receive(struct stage *st)
{
	struct nsenter_request head;

	/* All batches of fds but the last come with single bytes, so with the header. */
	nsenter_raise_nofile(st, NSENTER_MAX_FDS);
	receive_exactly(st, &head, sizeof(head));
	refuse_malformed(st, nsenter_check(&head));
	nsenter_raise_nofile(st, 2 * (head.nfds + head.nfiles));

	st->req = map_request(st, &head);
	*st->req = head;
	receive_exactly(st, st->req + 1, head.total - sizeof(head));
	refuse_malformed(st, nsenter_decode(st->req, vec_behind(st->req), &st->job));
	if (st->nfds != head.nfds)
		refuse_malformed(st, "fds are missing");
	nsenter_step(st, "receive request", 0);
}

static void read_exactly(const struct stage *st, int memfd, void *buf, size_t len, size_t at)
{
	must(st, sys(lseek, memfd, at, SEEK_SET), "read request", 0, "");
	if (must(st, sys(read, memfd, buf, len), "read request", 0, "") != (long)len)
		refuse_malformed(st, "cut short");
}

/* The same from a memfd; the fds are not received, but here. */
void nsenter_read_request(struct stage *st, int memfd)
{
	struct nsenter_request head;
	const size_t at = sizeof(struct nsenter_move);

	read_exactly(st, memfd, &head, sizeof(head), at);
	refuse_malformed(st, nsenter_check(&head));
	if (head.nfds != st->nfds)
		refuse_malformed(st, "too many files");
	st->req = map_request(st, &head);
	*st->req = head;
	read_exactly(st, memfd, st->req + 1, head.total - sizeof(head), at + sizeof(head));
	refuse_malformed(st, nsenter_decode(st->req, vec_behind(st->req), &st->job));
}

static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = strnlen(from, size - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

static void fill(struct nsenter_reply *reply, const struct stage *st, enum nsenter_kind kind,
		 const char *op)
{
	memset(reply, 0, sizeof(*reply));
	reply->magic = NSENTER_MAGIC;
	reply->kind = kind;
	reply->stage = st->name;
	copy_text(reply->op, sizeof(reply->op), op);
}

/*
 * A reply is far smaller than a socket buffer, and one message: the two stages
 * that share this socket cannot mix theirs. A caller that is gone is noticed
 * where its answer is waited for.
 */
static long send_reply(const struct stage *st, struct nsenter_reply *reply,
		       union credentials *control)
{
	struct iovec iov = { reply, sizeof(*reply) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	long n;

	if (control != NULL) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(*control);
	}
	do
		n = sys(sendmsg, st->sock, &msg, MSG_NOSIGNAL);
	while (n == -EINTR);
	return n;
}

void nsenter_step(const struct stage *st, const char *op, uint64_t type)
{
	struct nsenter_reply reply;
	struct timespec now;

	if (st->req == NULL || !(st->req->flags & NSENTER_F_TRACE))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	fill(&reply, st, NSENTER_STEP, op);
	reply.type = type;
	reply.time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	send_reply(st, &reply, NULL);
}

void nsenter_cloned(const struct stage *st, pid_t pid)
{
	struct nsenter_reply reply;

	fill(&reply, st, NSENTER_CLONED, "clone");
	reply.pid = pid;
	send_reply(st, &reply, NULL);
}

void nsenter_serving(const struct stage *st, int moves, int workers)
{
	struct nsenter_reply reply;

	fill(&reply, st, NSENTER_SERVING, "serve");
	reply.pid = moves;
	reply.detail = (uint32_t)workers;
	must(st, send_reply(st, &reply, NULL), "say serving", 0, "");
}

static struct nsenter_go receive_go(const struct stage *st)
{
	struct nsenter_go go = { 0 };
	long n = must(st, sys_read(st->sock, &go, sizeof(go)), "wait for GO", 0, "");

	if (n != sizeof(go) || go.go != NSENTER_GO)
		_exit(NSENTER_EXIT_FAILED);
	return go;
}

/* Waits until the caller has written them. */
void nsenter_ask_for_maps(const struct stage *st, pid_t pid)
{
	struct nsenter_reply reply;

	fill(&reply, st, NSENTER_MAP, "map");
	reply.pid = pid;
	must(st, send_reply(st, &reply, NULL), "ask for maps", 0, "");
	receive_go(st);
}

/*
 * The kernel translates the pid for the caller. Where our ids are not mapped
 * the explicit form is EINVAL; the caller's SO_PASSCRED then has the kernel
 * attach the same by itself.
 */
void nsenter_ready(const struct stage *st)
{
	const struct ucred self = { getpid(), getuid(), getgid() };
	union credentials control = {
		.header.cmsg_len = CMSG_LEN(sizeof(self)),
		.header.cmsg_level = SOL_SOCKET,
		.header.cmsg_type = SCM_CREDENTIALS,
	};
	struct nsenter_reply reply;

	fill(&reply, st, NSENTER_READY, "ready");
	memcpy(CMSG_DATA(&control.header), &self, sizeof(self));
	if (send_reply(st, &reply, &control) < 0)
		must(st, send_reply(st, &reply, NULL), "send ready", 0, "");
}

/* Whether the caller has ended, or will say no more. */
static int is_alone(const struct stage *st)
{
	char next;

	return sys(recvfrom, st->sock, &next, 1, MSG_PEEK | MSG_DONTWAIT, NULL, NULL) == 0;
}

/*
 * End of file is not GO: when the caller dies, what it has not released dies too. It also takes
 * back a GO that has come before we were ready.
 */
struct nsenter_go nsenter_await_go(const struct stage *st)
{
	const struct nsenter_go go = receive_go(st);

	if (is_alone(st))
		_exit(NSENTER_EXIT_FAILED);
	return go;
}

/* What an errno has to be told by, where a word tells more. */
static long meaning(enum nsenter_detail detail)
{
	static const int meanings[] = {
		[NSENTER_D_LOOKUP] = ENOENT,	  [NSENTER_D_DOT] = ENOENT,
		[NSENTER_D_INTERPRETER] = ENOENT, [NSENTER_D_OUTSIDE] = EXDEV,
		[NSENTER_D_CHANGED] = ESTALE,	  [NSENTER_D_MALFORMED] = EPROTO,
		[NSENTER_D_NOEXEC] = EACCES,
	};

	return meanings[detail];
}

static void fill_error(struct nsenter_reply *reply, const struct stage *st,
		       enum nsenter_detail detail, long error, const char *op, uint64_t type,
		       const char *object)
{
	fill(reply, st, NSENTER_ERROR, op);
	reply->error = (int32_t)(error < 0 ? -error : error);
	reply->detail = detail;
	reply->type = type;
	copy_text(reply->object, sizeof(reply->object), object);
}

/* A program that moves itself has nobody to tell but itself, and goes on. */
static _Noreturn void end(const struct stage *st, struct nsenter_reply *reply)
{
	if (st->move != NULL)
		nsenter_stay_behind(st, reply);
	send_reply(st, reply, NULL);
	_exit(NSENTER_EXIT_FAILED);
}

/* Says what could not be done, to what, and why: an errno, also a negative one. */
void nsenter_say_error(const struct stage *st, long error, const char *op, uint64_t type,
		       const char *object)
{
	struct nsenter_reply reply;

	fill_error(&reply, st, NSENTER_D_NONE, error, op, type, object);
	send_reply(st, &reply, NULL);
}

/* The same; then ends. */
_Noreturn void nsenter_fail(const struct stage *st, long error, const char *op, uint64_t type,
			    const char *object)
{
	struct nsenter_reply reply;

	fill_error(&reply, st, NSENTER_D_NONE, error, op, type, object);
	end(st, &reply);
}

/* The same for what is told better by a word than by an errno alone. */
_Noreturn void nsenter_fail_because(const struct stage *st, enum nsenter_detail detail,
				    const char *op, uint64_t type, const char *object)
{
	struct nsenter_reply reply;

	fill_error(&reply, st, detail, meaning(detail), op, type, object);
	end(st, &reply);
}

/* The same for an object that holds more than a string: as many bytes as it has room for. */
_Noreturn void nsenter_fail_with(const struct stage *st, enum nsenter_detail detail, const char *op,
				 const char *object, size_t len)
{
	struct nsenter_reply reply;

	fill_error(&reply, st, detail, meaning(detail), op, 0, "");
	memcpy(reply.object, object, len < sizeof(reply.object) ? len : sizeof(reply.object) - 1);
	end(st, &reply);
}
