/*
 * Why a program could not be executed, where the errno of execve alone misleads: a
 * second look at the file, which is the payload's own to take. It opens nothing but
 * the program, and what that holds is believed no further than it reaches.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "stage.h"

enum {
	LINE = 256, /* how much of a script the kernel looks at (BINPRM_BUF_SIZE, 5.1) */
	MAX_HEADERS = 64, /* of a program that anybody has seen */
};

/* A path and, behind its NUL, the interpreter that it names: see NSENTER_D_INTERPRETER. */
struct object {
	char text[sizeof(((struct nsenter_reply *)0)->object)];
	size_t len;
};

static void append(struct object *object, const char *text, size_t len)
{
	const size_t room = sizeof(object->text) - 1 - object->len;

	if (len > room)
		len = room;
	memcpy(object->text + object->len, text, len);
	object->len += len;
	object->text[object->len] = '\0';
}

/* Neither a FIFO nor a device is waited for, whatever the program has become meanwhile. */
static int open_program(const char *path)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	return (int)sys(openat, AT_FDCWD, path, flags, 0);
}

static long read_at(int fd, void *buf, size_t len, uint64_t at)
{
	if (sys(lseek, fd, (long)at, SEEK_SET) != (long)at)
		return -EINVAL;
	return sys_read(fd, buf, len);
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* What follows "#!", up to a blank or the end of the line, as the kernel takes it. */
static void append_script(struct object *object, const char *line, size_t len)
{
	size_t begin = 2, end;

	while (begin < len && is_blank(line[begin]))
		begin++;
	for (end = begin; end < len && !is_blank(line[end]); end++)
		if (line[end] == '\n' || line[end] == '\0')
			break;
	append(object, line + begin, end - begin);
}

/* The path in PT_INTERP: the dynamic loader. */
static void append_loader(struct object *object, int fd, const ElfW(Ehdr) * header)
{
	char path[PATH_MAX];

	for (unsigned int i = 0; i < header->e_phnum && i < MAX_HEADERS; i++) {
		ElfW(Phdr) segment;
		long n = read_at(fd, &segment, sizeof(segment),
				 header->e_phoff + i * sizeof(segment));

		if (n != (long)sizeof(segment))
			return;
		if (segment.p_type != PT_INTERP || segment.p_filesz > sizeof(path))
			continue;
		n = read_at(fd, path, segment.p_filesz, segment.p_offset);
		if (n > 0)
			append(object, path, strnlen(path, (size_t)n));
		return;
	}
}

static int is_elf(const ElfW(Ehdr) * header, long n)
{
	return n >= (long)sizeof(*header) && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_phentsize == sizeof(ElfW(Phdr));
}

/* Nothing, where the program may be executed but not read. */
static void append_interpreter(struct object *object, const char *path)
{
	union {
		ElfW(Ehdr) header;
		char line[LINE];
	} start;
	const int fd = open_program(path);
	long n;

	if (fd < 0)
		return;
	n = read_at(fd, &start, sizeof(start), 0);
	if (n >= 2 && start.line[0] == '#' && start.line[1] == '!')
		append_script(object, start.line, (size_t)n);
	else if (is_elf(&start.header, n))
		append_loader(object, fd, &start.header);
	sys(close, fd);
}

/* ENOENT of a program that is there means its interpreter, "#!" or ELF's. */
static _Noreturn void fail_for_interpreter(const struct stage *st, const char *path)
{
	struct object object = { .len = 0 };

	append(&object, path, strlen(path));
	append(&object, "", 1);
	append_interpreter(&object, path);
	nsenter_fail_with(st, NSENTER_D_INTERPRETER, "exec", object.text, object.len);
}

int nsenter_is_on_noexec(const char *path)
{
#ifdef SYS_fstatfs64 /* 32-bit: another structure, and nobody to test it */
	(void)path;
	return 0;
#else
	const long fd = sys(openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
	struct statfs fs = { .f_flags = 0 };

	if (fd < 0)
		return 0;
	if (sys(fstatfs, fd, &fs) < 0)
		fs.f_flags = 0;
	sys(close, fd);
	return (fs.f_flags & ST_NOEXEC) != 0;
#endif
}

_Noreturn void nsenter_fail_exec(const struct stage *st, long error, const char *path)
{
	if (error == -ENOENT && nsenter_may_access(path, F_OK))
		fail_for_interpreter(st, path);
	if (error == -EACCES && nsenter_is_on_noexec(path))
		nsenter_fail_because(st, NSENTER_D_NOEXEC, "exec", 0, path);
	nsenter_fail(st, error, "exec", 0, path);
}
