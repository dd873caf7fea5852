//go:build linux && cgo

package main

const runHelp = `Run a program in new namespaces, like unshare(1); with -t, below those of another process: a nested container.

Usage:
  nsexec run [flags] [--] [PROGRAM [ARG...]]

Without a program, $SHELL is run, or /bin/sh. A program's own flags need no "--".

New namespaces (short flags can be joined: -mpr):
  -m, --mount            a mount namespace: a copy of the mounts
  -u, --uts              a UTS namespace (host name)
  -i, --ipc              an IPC namespace (System V IPC, POSIX message queues)
  -n, --net              a network namespace
  -p, --pid              a pid namespace: the program is process 1 of it
  -U, --user             a user namespace
  -C, --cgroup           a cgroup namespace
  -T, --time             a time namespace
  -f, --fork             accepted for unshare(1)'s sake: what has to be a child is one in any case

What is joined before, and is where the new ones begin:
  -t, --target PID       all namespaces of that process
      --join LIST        only these of it: mnt,net,pid..., or all; TYPE=FILE is a namespace by its file. Can be repeated

Users (each --map means -U; a range that an ordinary user does not own goes through newuidmap(1) and newgidmap(1)):
  -r, --map-root-user    the caller is root there: --map-user=0 --map-group=0
  -c, --map-current-user
                         the caller keeps its ids there
      --map-user USER    the caller's user id there, a number or a name
      --map-group GROUP  its group id there; setgroups(2) is denied, unless --map-groups is given too
      --map-users RANGE
      --map-groups RANGE more ids, around the caller's own; can be repeated. RANGE is INNER:OUTER:COUNT, or with commas
                         OUTER,INNER,COUNT, as unshare(1) had it; or
                           auto    the caller's first range in /etc/subuid or /etc/subgid, from 0 on
                           subids  the same range, each id being the same inside
                           all     all ids that the user namespace above has, each being the same inside
      --map-auto         --map-users=auto --map-groups=auto
      --map-subids       --map-users=subids --map-groups=subids
      --setgroups WORD   allow or deny setgroups(2): the kernel wants deny where an ordinary user maps its own gid
      --owner UID[:GID]  whose the user namespace is, in ids of the one above: who has all capabilities in it from outside
      --keep-caps        a program that is not root there has root's capabilities all the same

  The program is who the caller is there; if no --map-user or --map-group says who, and there is a root, it is root.
  (unshare(1) leaves ids that are not mapped.)
  -S, --setuid UID       its user id there
  -G, --setgid GID       its group id there; supplementary groups are dropped

What they are like:
      --mount-proc[=DIR] a procfs of its own on /proc, or on DIR, which is absolute; means -m
      --propagation WORD private (the default), slave, shared or unchanged: where mounts go to and come from
      --hostname NAME    the host name of -u
      --domainname NAME  the NIS domain name of -u
      --loopback         lo of -n is up
      --monotonic OFFSET added to that clock in -T: seconds, or a duration such as -36h
      --boottime OFFSET  the same for the time since boot
  -R, --root DIR         its root directory; with -m by pivot_root(2), so that the old one is gone (by chroot(2) where
                         --propagation is shared or unchanged)
  -w, --wd DIR           its working directory, found in its root

How it runs:
      --kill-child[=SIG] the program gets SIGKILL, or SIG, when nsexec ends, even if that is killed. (Process 1 of -p
                         ignores other signals than SIGKILL that it has no handler for; --init hands them on.)
      --init             process 1 of -p is an init, which reaps orphans and hands signals on; the program is its child
  -v, --verbose          print the steps on the way to it: microseconds, stage, pid, what was done
      --report-fd N      write one JSON object to file descriptor N: see nsexec exec --help
  -h, --help             this

Exit status:
  that of the program; if a signal has killed it, nsexec dies of the same (with --init it exits with 128 + the signal)
  125  nsexec itself has failed
  126  the program cannot be executed
  127  the program was not found

Examples:
  nsexec run -mpr --mount-proc ps aux                   sees itself alone, as process 1 and root
  nsexec run -t 1234 -mp --mount-proc ps aux            the same in the container of process 1234: a container in it
  nsexec run -t 1234 --join user,net -u --hostname x sh only these two of it, and a host name of its own
  nsexec run -r --map-auto -m -R ./rootfs -p --init sh  another system's files, and many users, without being root
  nsexec run -T --boottime 36h uptime                   when it has been up for a day and a half more
  nsexec run -n --loopback ip address                   no network but lo
`
