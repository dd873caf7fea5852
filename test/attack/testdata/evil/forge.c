/* Messages of a peer that is not the library, by the library's own definition of the wire. */
#include "evil.h"
#include "request.h"

static char message[sizeof(struct nsenter_request) + 8192] __attribute__((aligned(8)));
static size_t used = sizeof(struct nsenter_request);

static void add(const char *text)
{
	const uint32_t len = (uint32_t)strlen(text);

	memcpy(message + used, &len, sizeof(len));
	memcpy(message + used + sizeof(len), text, len + 1);
	used += sizeof(len) + len + 1;
}

/* A request to run touch(1), and that it may go on. */
static struct nsenter_request *compose(const char *path)
{
	const struct nsenter_go go = { .go = NSENTER_GO };
	struct nsenter_request *r = (void *)message;

	r->magic = NSENTER_MAGIC;
	r->size = sizeof(*r);
	r->argc = 2;
	r->pidfd = r->root = r->cwd = r->input = r->output = r->here = -1;
	r->owner_uid = r->owner_gid = UINT32_MAX;
	add("/bin/touch");
	for (int i = 0; i < 8; i++) /* root, directory, maps, offsets, names, procfs */
		add("");
	add("touch");
	add(path);
	r->total = (uint32_t)used;
	memcpy(message + used, &go, sizeof(go));
	used += sizeof(go);
	return r;
}

static void make_noise(void)
{
	srand(7);
	for (size_t i = 0; i < 65536; i++)
		putchar(rand());
}

/* forge nothing|noise|short|magic|size|valid PATH: to stdout. */
int forge(char **arg)
{
	struct nsenter_request *r = compose(arg[1]);

	setvbuf(stdout, NULL, _IOFBF, 0);
	if (strcmp(arg[0], "nothing") == 0)
		return 0;
	if (strcmp(arg[0], "noise") == 0) {
		make_noise();
		return 0;
	}
	if (strcmp(arg[0], "short") == 0)
		used = r->total - 1; /* and no GO either */
	if (strcmp(arg[0], "magic") == 0)
		r->magic++;
	if (strcmp(arg[0], "size") == 0)
		r->size++;
	fwrite(message, used, 1, stdout);
	return 0;
}
