/* The bounds-checked decoder: no length, count or index is believed. */
#include "decode.h"

#include <string.h>

/* A cursor over what has not been read yet. */
struct cursor {
	const char *at;
	size_t left;
};

static const void *take(struct cursor *c, size_t n)
{
	const char *p = c->at;

	if (n > c->left)
		return NULL;
	c->at += n;
	c->left -= n;
	return p;
}

static const char *take_string(struct cursor *c)
{
	uint32_t len;
	const char *s = take(c, sizeof(len));

	if (s == NULL)
		return NULL;
	memcpy(&len, s, sizeof(len));
	if (len >= c->left) /* the NUL has to fit, too */
		return NULL;
	s = take(c, (size_t)len + 1);
	return s != NULL && memchr(s, '\0', (size_t)len + 1) == s + len ? s : NULL;
}

/* Writes n strings and a NULL to vec; returns what follows them, or NULL. */
static char **take_strings(struct cursor *c, char **vec, uint32_t n)
{
	while (n-- > 0) {
		const char *s = take_string(c);

		if (s == NULL)
			return NULL;
		*vec++ = (char *)s; /* execve wants char *const *; it writes nothing */
	}
	*vec++ = NULL;
	return vec;
}

static int is_index(int32_t i, uint32_t n)
{
	return i >= -1 && i < (int64_t)n;
}

static int is_one_bit(uint64_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

static const char *check_joins(const struct nsenter_request *req)
{
	if (req->njoins > NSENTER_MAX_JOINS)
		return "too many joins";
	for (uint32_t i = 0; i < req->njoins; i++) {
		const struct nsenter_join *join = &req->joins[i];

		if (!is_one_bit(join->type) || join->type > INT32_MAX)
			return "a join of no single type";
		if (join->reserved != 0)
			return "a reserved field is set";
		if (!is_index(join->fd, req->nfds) || (join->fd < 0) != (req->pidfd >= 0))
			return "a join without a handle";
	}
	return NULL;
}

const char *nsenter_check(const struct nsenter_request *req)
{
	if (req->magic != NSENTER_MAGIC || req->size != sizeof(*req))
		return "not a request";
	if (req->total < sizeof(*req) || req->total > NSENTER_MAX_REQUEST)
		return "bad total length";
	if ((req->flags & ~(uint32_t)NSENTER_F_ALL) != 0 || req->create > INT32_MAX)
		return "unknown flags";
	if (req->reserved != 0)
		return "a reserved field is set";
	if (req->death_signal > NSENTER_MAX_SIGNAL)
		return "no such signal";
	if (req->nfds > NSENTER_MAX_FDS || req->nfiles > NSENTER_MAX_FDS)
		return "too many files";
	if (req->ngroups > NSENTER_MAX_GROUPS)
		return "too many groups";
	if (req->nlimits > NSENTER_MAX_LIMITS || req->ncpus > NSENTER_MAX_CPU_WORDS)
		return "too many limits or processors";
	/* A string takes five bytes at least: this bounds what is mapped for argv. */
	if (req->argc == 0 || (uint64_t)req->argc + req->envc > req->total / 5)
		return "bad number of strings";
	if (!is_index(req->pidfd, req->nfds) || !is_index(req->root, req->nfds) ||
	    !is_index(req->cwd, req->nfds) || !is_index(req->input, req->nfds) ||
	    !is_index(req->output, req->nfds) || !is_index(req->here, req->nfds))
		return "an fd out of range";
	if ((req->flags & NSENTER_F_FUNCTION) && (req->input < 0 || req->output < 0))
		return "a function without input or output";
	return check_joins(req);
}

size_t nsenter_vec_len(const struct nsenter_request *req)
{
	return (size_t)req->argc + 1 + (size_t)req->envc + 1;
}

/* First, since they want to be aligned. */
static const char *decode_inherited(const struct nsenter_request *req, struct cursor *c,
				    struct nsenter_job *job)
{
	job->limits = take(c, req->nlimits * sizeof(*job->limits));
	job->cpus = take(c, req->ncpus * sizeof(*job->cpus));
	return job->limits == NULL || job->cpus == NULL ? "limits or processors cut short" : NULL;
}

static const char *decode_files(const struct nsenter_request *req, struct cursor *c,
				struct nsenter_job *job)
{
	job->files = take(c, req->nfiles * sizeof(*job->files));
	job->groups = take(c, req->ngroups * sizeof(*job->groups));
	if (job->files == NULL || job->groups == NULL)
		return "files or groups cut short";
	for (uint32_t i = 0; i < req->nfiles; i++)
		if (!is_index(job->files[i], req->nfds))
			return "a file out of range";
	return NULL;
}

static const char *decode_strings(struct cursor *c, struct nsenter_job *job)
{
	const char **const all[] = { &job->path,     &job->root,       &job->dir,
				     &job->uid_map,  &job->gid_map,    &job->offsets,
				     &job->hostname, &job->domainname, &job->procfs };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		*all[i] = take_string(c);
		if (*all[i] == NULL)
			return "paths, maps or names cut short";
	}
	return NULL;
}

const char *nsenter_decode(const struct nsenter_request *req, char **vec, struct nsenter_job *job)
{
	struct cursor c = { (const char *)(req + 1), req->total - sizeof(*req) };
	const char *bad = decode_inherited(req, &c, job);

	if (bad == NULL)
		bad = decode_files(req, &c, job);
	if (bad == NULL)
		bad = decode_strings(&c, job);
	if (bad != NULL)
		return bad;
	job->argv = vec;
	job->envp = take_strings(&c, job->argv, req->argc);
	if (job->envp == NULL)
		return "arguments cut short";
	if (take_strings(&c, job->envp, req->envc) == NULL)
		return "environment cut short";
	return c.left == 0 ? NULL : "bytes after the end";
}
