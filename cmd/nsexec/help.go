//go:build linux && cgo

package main

const execHelp = `Run a program in the namespaces of another process, like nsenter(1).

Usage:
  nsexec exec [flags] [--] [PROGRAM [ARG...]]

Without a program, $SHELL is run, or /bin/sh. A program's own flags need no "--".

Namespaces (those that the caller is in already are left as they are):
  -t, --target PID       the process that the flags below refer to
  -a, --all              all namespaces of the target
  -m, --mount[=FILE]     the mount namespace of the target, or the one that FILE is
  -u, --uts[=FILE]       the UTS namespace (host name)
  -i, --ipc[=FILE]       the IPC namespace (System V IPC, POSIX message queues)
  -n, --net[=FILE]       the network namespace
  -p, --pid[=FILE]       the pid namespace
  -U, --user[=FILE]      the user namespace
  -C, --cgroup[=FILE]    the cgroup namespace
  -T, --time[=FILE]      the time namespace

  FILE is an entry of /proc/PID/ns, or a bind mount of one. It is attached to its flag: -n=FILE, -n/FILE, --net=FILE.
  Short flags can be joined, so -mu is -m -u. (To nsenter(1) that is -m with a file named u.)

Who the program is:
  -S, --setuid UID       its user id, in the user namespace that it is in
  -G, --setgid GID       its group id there; supplementary groups are dropped
      --preserve-credentials
                         leave ids alone when a user namespace is joined; without it, they become 0 and groups are dropped
  -e, --env              the environment of the target, instead of the caller's

Where it is:
  -r, --root[=DIR]       its root directory: the target's, or DIR
  -w, --wd[=DIR]         its working directory: the target's, or DIR
  -W, --wdns DIR         its working directory, found after everything is joined

  DIR of -r and -w is opened before anything is joined. A working directory outside of the program's root is refused
  (nsenter(1) allows it: a way out for whoever is inside). Without -w and -W it is the root if -m or -r is given.

What is said about it:
  -v, --verbose          print the steps on the way to it: microseconds, stage, pid, what was done
      --report-fd N      write one JSON object to file descriptor N: {"pid":...} once the program runs, or {"error":{...}}
                         with stage, op, type, errno, path, hint, message if it never does (give it before other flags,
                         so that it covers errors in them)
  -h, --help             this
  -F, --no-fork          accepted for nsenter(1)'s sake; forks are as few as the kernel allows in any case

The program gets stdin, stdout and stderr, and no other open file.

Exit status:
  that of the program; if a signal has killed it, nsexec dies of the same
  125  nsexec itself has failed
  126  the program cannot be executed
  127  the program was not found

Examples:
  nsexec exec -t 1234 -a                        a shell in the container that process 1234 is in
  nsexec exec -t 1234 -n -- ss -tlpn            its sockets, seen with a tool that it need not have
  nsexec exec -t 1234 -a -S 1000 -G 1000 id     as a user of it
  nsexec exec --net=/run/netns/blue ip address  a network namespace that has no process
  nsexec exec -v -t 1234 -a true                what happens on the way, and when
  nsexec exec --report-fd 3 -t 1234 -a -- sh -c 'exit 125' 3>report.json
`
