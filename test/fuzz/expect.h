/* What must be true of a request that was decoded. */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdio.h>
#include <stdlib.h>

#include "decode.h"

/* Ends the fuzzer, which then keeps the input. */
#define EXPECT(truth)                                                                              \
	do {                                                                                       \
		if (!(truth)) {                                                                    \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #truth);      \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

void expect_job(const struct nsenter_request *req, char *const *vec, const struct nsenter_job *job);

#endif
