/* A request, taken apart. Compiles outside cgo, so that a fuzzer can drive it. */
#ifndef NSENTER_DECODE_H
#define NSENTER_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "request.h"

#pragma GCC visibility push(hidden)

/* Points into the message; nothing is copied. */
struct nsenter_job {
	const struct nsenter_limit *limits;
	const uint64_t *cpus;
	const int32_t *files;
	const uint32_t *groups;
	const char *path;
	const char *root;
	const char *dir;
	const char *uid_map;
	const char *gid_map;
	const char *offsets;
	const char *hostname;
	const char *domainname;
	const char *procfs;
	char **argv;
	char **envp;
};

/*
 * Both return NULL, or what is wrong with the message. Check the header when it
 * alone has arrived: its total is what there is to read. The pointers of argv
 * and envp are written to vec, which must hold nsenter_vec_len entries.
 */
const char *nsenter_check(const struct nsenter_request *req);
size_t nsenter_vec_len(const struct nsenter_request *req);
const char *nsenter_decode(const struct nsenter_request *req, char **vec, struct nsenter_job *job);

#pragma GCC visibility pop

#endif
