#!/bin/bash
# The C code is linked into other people's programs, and runs in the target's mount namespace. So what it defines
# for others begins with nsenter_, and what it uses is system calls and what computes: nothing that allocates, prints,
# looks up users or loads libraries.
set -euo pipefail
cd "$(dirname "$0")/.."
objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT

pure='memchr|memcpy|memset|memmove|memcmp|strchr|strchrnul|strcmp|strlen|strncmp|strnlen|_setjmp|longjmp'
given='environ|program_invocation_name|getauxval|__errno_location|__ehdr_start|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail'
signals='sigaction|sigfillset|sigemptyset|sigaddset|sigprocmask|sigwaitinfo'
calls='syscall|_exit|access|chdir|chroot|clock_gettime|close|dup3|execve|fchdir|fcntl|fstat|getegid|geteuid|getgid|getpid'
calls+='|getppid|getrlimit|getsockopt|getuid|ioctl|kill|mmap|mount|munmap|open|poll|ppoll|prctl|pread|read|readlink|readlinkat'
calls+='|recvmsg|sendmsg|setdomainname|sethostname|setns|setpriority|setrlimit|socket|socketpair|umask|umount2|unshare|waitpid|write'

for source in nsenter/*.c; do
	"${CC:-gcc}" -std=gnu11 -O2 -c -o "$objects/$(basename "$source" .c).o" "$source"
done
nm -A "$objects"/*.o | awk -v allowed="^($pure|$given|$signals|$calls|nsenter_.*)$" '
	{ name = $NF; kind = $(NF - 1); file = $1; sub(/:.*/, "", file); sub(/.*\//, "", file) }
	kind == "U" && name !~ allowed { print file ": uses " name; bad = 1 }
	kind ~ /^[A-TV-Z]$/ && name !~ /^nsenter_/ { print file ": defines " name; bad = 1 }
	END { exit bad }'
