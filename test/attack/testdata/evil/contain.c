/* A container, as a runtime would make it around whoever is in it. */
#include <grp.h>
#include <linux/capability.h>

#include "evil.h"

/* What Docker and podman leave to a container's root. */
static const int defaults[] = {
	CAP_CHOWN,	CAP_DAC_OVERRIDE, CAP_FOWNER,	   CAP_FSETID,	CAP_KILL,
	CAP_SETGID,	CAP_SETUID,	  CAP_SETPCAP,	   CAP_NET_RAW, CAP_NET_BIND_SERVICE,
	CAP_SYS_CHROOT, CAP_MKNOD,	  CAP_AUDIT_WRITE, CAP_SETFCAP,
};

static void mount_file(const char *root, const char *path)
{
	char to[4096];

	snprintf(to, sizeof(to), "%s%s", root, path);
	must(mount(path, to, NULL, MS_BIND, NULL), to);
}

/* contain ROOT PROGRAM...: process 1 of new namespaces makes ROOT its root, with devices of its
 * own. */
int contain(char **arg)
{
	const char *root = arg[0];

	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
	must(mount(root, root, NULL, MS_BIND, NULL), "mount root");
	mount_file(root, "/dev/null");
	mount_file(root, "/dev/tty");
	must(chdir(root), "enter root");
	must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount proc");
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot root");
	must(umount2(".", MNT_DETACH), "leave the old root");
	must(chdir("/"), "enter root");
	execv(arg[1], arg + 1);
	die(arg[1]);
}

static void keep_defaults(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
		data[0].permitted |= 1u << defaults[i];
	data[0].effective = data[0].permitted;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (cap >= 32 || !(data[0].permitted >> cap & 1))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	must((int)syscall(SYS_capset, &header, data), "limit capabilities");
}

/*
 * bound default|all PROGRAM...: root, as a process of the container has it. Whoever
 * comes from outside has other ids and capabilities than that.
 */
int bound(char **arg)
{
	(void)setgroups(0, NULL);
	must(setresgid(0, 0, 0), "set gid");
	must(setresuid(0, 0, 0), "set uid");
	if (strcmp(arg[0], "default") == 0)
		keep_defaults();
	execv(arg[1], arg + 1);
	die(arg[1]);
}
