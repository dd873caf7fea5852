/*
 * What is left of the capabilities after exec: nothing for whoever is not root,
 * unless they are ambient (4.3).
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/prctl.h>

#include "stage.h"

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_RAISE 2
#endif

/* linux/capability.h, which comes with no libc. */
struct capability_header {
	uint32_t version;
	int pid;
};

struct capability_words {
	uint32_t effective;
	uint32_t permitted;
	uint32_t inheritable;
};

#define NSENTER_CAPABILITY_VERSION_3 0x20080522

/* Before the ids change, and after the user namespace has: that resets it. */
void nsenter_hold_capabilities(const struct stage *st)
{
	if (stage_wants(st, NSENTER_F_KEEP_CAPS))
		must(st, sys(prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0), "hold capabilities", 0, "");
}

static void read_capabilities(const struct stage *st, struct capability_words data[2])
{
	struct capability_header header = { NSENTER_CAPABILITY_VERSION_3, 0 };

	memset(data, 0, 2 * sizeof(*data));
	must(st, sys(capget, &header, data), "read capabilities", 0, "");
}

/* What is permitted becomes effective again, and inheritable, which ambient ones must be. */
static void inherit_permitted(const struct stage *st, struct capability_words data[2])
{
	struct capability_header header = { NSENTER_CAPABILITY_VERSION_3, 0 };

	for (int i = 0; i < 2; i++) {
		data[i].effective = data[i].permitted;
		data[i].inheritable = data[i].permitted;
	}
	must(st, sys(capset, &header, data), "inherit capabilities", 0, "");
}

/*
 * What the caller could hand down, whoever the payload is, the target's programs with
 * file capabilities would have of it (CVE-2022-29162). Ambient ones go with those that
 * are inheritable.
 */
static void inherit_none(const struct stage *st, struct capability_words data[2])
{
	struct capability_header header = { NSENTER_CAPABILITY_VERSION_3, 0 };

	if (WEAK_INHERITABLE || (data[0].inheritable | data[1].inheritable) == 0)
		return;
	data[0].inheritable = data[1].inheritable = 0;
	must(st, sys(capset, &header, data), "drop capabilities", 0, "");
}

void nsenter_keep_capabilities(const struct stage *st)
{
	struct capability_words data[2];

	read_capabilities(st, data);
	if (!stage_wants(st, NSENTER_F_KEEP_CAPS)) {
		inherit_none(st, data);
		return;
	}
	inherit_permitted(st, data);
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (data[cap / 32].permitted >> cap % 32 & 1)
			must(st, sys(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0),
			     "keep capabilities", 0, "");
	}
	nsenter_step(st, "keep capabilities", 0);
}
