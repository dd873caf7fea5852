#include "evil.h"

_Noreturn void won(const char *how, const char *what)
{
	printf(WON "%s %s\n", how, what);
	fflush(stdout);
	_exit(0);
}

_Noreturn void die(const char *what)
{
	fprintf(stderr, "evil: %s: %s\n", what, strerror(errno));
	_exit(111);
}

void must(int result, const char *what)
{
	if (result < 0)
		die(what);
}

static const struct {
	const char *name;
	int (*run)(char **arg);
} commands[] = {
	{ "contain", contain }, { "bound", bound }, { "trace", trace }, { "overwrite", overwrite },
	{ "report", report },	{ "keys", keys },   { "hold", hold },	{ "note", note },
	{ "forge", forge },	{ "reach", reach },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 1)
		won("a program of the host runs as", argv[0]);
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argv + 2);
	fprintf(stderr, "evil: no such command\n");
	return 112;
}
