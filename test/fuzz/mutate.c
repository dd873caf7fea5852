/*
 * What libFuzzer does to a message mostly breaks what is checked first, and nothing behind that is
 * reached. So most of what it makes is repaired: the magic, the sizes, and the counts that bound
 * each other.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "request.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

/* Each is refused by one more than it may be. */
static void repair_counts(struct nsenter_request *req)
{
	req->flags &= NSENTER_F_ALL;
	req->nfds %= NSENTER_MAX_FDS + 2;
	req->nfiles %= 16;
	req->ngroups %= 16;
	req->argc %= 16;
	req->envc %= 16;
	req->njoins %= NSENTER_MAX_JOINS + 2;
	req->nlimits %= NSENTER_MAX_LIMITS + 2;
	req->ncpus %= 16;
}

static void repair_joins(struct nsenter_request *req)
{
	for (uint32_t i = 0; i < req->njoins && i < NSENTER_MAX_JOINS; i++) {
		struct nsenter_join *join = &req->joins[i];

		join->type = UINT64_C(1) << (join->type % 31);
		join->fd = req->pidfd >= 0 || req->nfds == 0 ? -1 : (int32_t)(i % req->nfds);
		join->reserved = 0;
	}
}

static void repair(struct nsenter_request *req, size_t size, unsigned int seed)
{
	req->magic = NSENTER_MAGIC;
	req->size = sizeof(*req);
	req->total = (uint32_t)size;
	if ((seed & 0x8) == 0)
		repair_counts(req);
	if ((seed & 0x300) == 0)
		repair_joins(req);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct nsenter_request req;
	const size_t head = sizeof(req);

	if ((seed & 3) != 0 && size > head && max > head) /* what stands behind the header */
		size = head + LLVMFuzzerMutate(data + head, size - head, max - head);
	else
		size = LLVMFuzzerMutate(data, size, max);
	if ((seed & 0x70) == 0 || size < head)
		return size;
	memcpy(&req, data, head);
	repair(&req, size, seed);
	memcpy(data, &req, head);
	return size;
}
