/*
 * Goes through a decoded request in the order that nsenter/request.h gives, with arithmetic of its
 * own: each part begins where the one before it ends, and the last one ends with the message.
 */
#include "expect.h"

#include <stdint.h>
#include <string.h>

/* How many bytes of the message are accounted for. */
struct walk {
	const struct nsenter_request *req;
	size_t at;
};

static const char *here(const struct walk *w)
{
	return (const char *)w->req + w->at;
}

static void expect_array(struct walk *w, const void *array, size_t count, size_t size)
{
	EXPECT(array == here(w));
	EXPECT((uintptr_t)array % (size < 8 ? size : 8) == 0);
	w->at += count * size;
	EXPECT(w->at <= w->req->total);
}

static void expect_string(struct walk *w, const char *s)
{
	uint32_t len;

	EXPECT(w->at + sizeof(len) <= w->req->total);
	memcpy(&len, here(w), sizeof(len));
	w->at += sizeof(len);
	EXPECT(s == here(w));
	EXPECT(len < w->req->total - w->at);
	EXPECT(strlen(s) == len);
	w->at += (size_t)len + 1;
}

static void expect_strings(struct walk *w, char *const *strings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_string(w, strings[i]);
	EXPECT(strings[count] == NULL);
}

static void expect_index(const struct nsenter_request *req, int64_t i)
{
	EXPECT(i == -1 || (i >= 0 && i < (int64_t)req->nfds && i < NSENTER_MAX_FDS));
}

static void expect_joins(const struct nsenter_request *req)
{
	EXPECT(req->njoins <= sizeof(req->joins) / sizeof(req->joins[0]));
	for (uint32_t i = 0; i < req->njoins; i++) {
		EXPECT(__builtin_popcountll(req->joins[i].type) == 1);
		EXPECT((req->joins[i].fd == -1) == (req->pidfd != -1));
		expect_index(req, req->joins[i].fd);
	}
}

static void expect_header(const struct nsenter_request *req)
{
	const int32_t all[] = {
		req->pidfd, req->root, req->cwd, req->input, req->output, req->here
	};

	EXPECT(req->magic == NSENTER_MAGIC && req->size == sizeof(*req));
	EXPECT((req->flags & ~(uint32_t)NSENTER_F_ALL) == 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		expect_index(req, all[i]);
	if (req->flags & NSENTER_F_FUNCTION)
		EXPECT(req->input >= 0 && req->output >= 0);
	expect_joins(req);
}

void expect_job(const struct nsenter_request *req, char *const *vec, const struct nsenter_job *job)
{
	const char *const fixed[] = { job->path,     job->root,	      job->dir,
				      job->uid_map,  job->gid_map,    job->offsets,
				      job->hostname, job->domainname, job->procfs };
	struct walk w = { req, sizeof(*req) };

	expect_header(req);
	expect_array(&w, job->limits, req->nlimits, sizeof(job->limits[0]));
	expect_array(&w, job->cpus, req->ncpus, sizeof(job->cpus[0]));
	expect_array(&w, job->files, req->nfiles, sizeof(job->files[0]));
	expect_array(&w, job->groups, req->ngroups, sizeof(job->groups[0]));
	for (uint32_t i = 0; i < req->nfiles; i++)
		expect_index(req, job->files[i]);
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		expect_string(&w, fixed[i]);
	EXPECT(req->argc > 0);
	EXPECT(job->argv == vec && job->envp == vec + req->argc + 1);
	EXPECT(nsenter_vec_len(req) == (size_t)req->argc + req->envc + 2);
	expect_strings(&w, job->argv, req->argc);
	expect_strings(&w, job->envp, req->envc);
	EXPECT(w.at == req->total);
}
