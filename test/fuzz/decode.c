/*
 * A libFuzzer target for the decoder of requests. The input is a message. It is decoded from memory
 * of exactly its size, so that the sanitizers see each byte beyond it; what comes out must be what
 * nsenter/request.h promises, and nothing else may come out.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "expect.h"

/* A message on its own, with what was made of it. */
struct decoded {
	struct nsenter_request *req;
	char **vec;
	struct nsenter_job job;
	const char *bad;
};

static void *copy_of(const void *data, size_t size)
{
	void *copy = malloc(size);

	EXPECT(copy != NULL);
	memcpy(copy, data, size);
	return copy;
}

/* Decodes a message of that many bytes, whatever length it says it has. */
static struct decoded decode(const void *data, size_t size)
{
	struct decoded d = { .req = copy_of(data, size) };

	d.req->total = (uint32_t)size;
	d.bad = nsenter_check(d.req);
	if (d.bad != NULL)
		return d;
	d.vec = malloc(nsenter_vec_len(d.req) * sizeof(char *));
	EXPECT(d.vec != NULL);
	d.bad = nsenter_decode(d.req, d.vec, &d.job);
	return d;
}

static void release(struct decoded *d)
{
	free(d->vec);
	free(d->req);
}

/* The caller is told in so many words: they have to fit into a reply. */
static void expect_reason(const char *bad)
{
	static struct nsenter_reply reply;
	size_t len = strlen(bad);

	EXPECT(len > 0 && len < sizeof(reply.object));
	for (size_t i = 0; i < len; i++)
		EXPECT(bad[i] >= ' ' && bad[i] <= '~');
}

static void expect_refused(const void *data, size_t size)
{
	struct decoded d = decode(data, size);

	EXPECT(d.bad != NULL);
	expect_reason(d.bad);
	release(&d);
}

/* A message is exactly as long as it is: one byte less or more makes it another. */
static void expect_exact(const void *data, size_t size)
{
	char *longer = malloc(size + 1);

	EXPECT(longer != NULL);
	memcpy(longer, data, size);
	longer[size] = '\0';
	if (size > sizeof(struct nsenter_request))
		expect_refused(data, size - 1);
	expect_refused(longer, size + 1);
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nsenter_request head;
	struct decoded d;

	if (size < sizeof(head))
		return 0; /* never handed to the decoder */
	memcpy(&head, data, sizeof(head));
	if (head.total != size) { /* more is waited for, or what follows is not read */
		const char *bad = nsenter_check(&head);

		if (bad != NULL)
			expect_reason(bad);
		return 0;
	}
	d = decode(data, size);
	EXPECT(memcmp(d.req, data, size) == 0); /* it is only read */
	if (d.bad == NULL) {
		expect_job(d.req, d.vec, &d.job);
		expect_exact(data, size);
	} else {
		expect_reason(d.bad);
	}
	release(&d);
	return 0;
}
