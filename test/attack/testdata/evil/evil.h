/* What runs in a target and wants out: one program, static, a file a theme. */
#ifndef EVIL_H
#define EVIL_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the test looks for: the attacker has got what it must not have. */
#define WON "WON "

/* Prints a line and ends. */
_Noreturn void won(const char *how, const char *what);
_Noreturn void die(const char *what);
void must(int result, const char *what);

/* Whether the name that ps shows begins so. */
int has_title(int pid, const char *prefix);

/* Each is a command: what argv holds behind its name. */
int contain(char **arg);
int bound(char **arg);
int trace(char **arg);
int reach(char **arg);
int overwrite(char **arg);
int report(char **arg);
int keys(char **arg);
int hold(char **arg);
int note(char **arg);
int forge(char **arg);

#endif
