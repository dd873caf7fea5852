//go:build linux && cgo

package attack

import (
	"regexp"
	"strings"
	"testing"
)

// resolution is what strace has seen of processes that are in another mount namespace, and have not executed a program.
type resolution struct {
	joined bool
	paths  []string
}

var (
	straceLine = regexp.MustCompile(`^(\d+) +(?:<\.\.\. )?(\w+)(.*)$`)
	quoted     = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	ended      = regexp.MustCompile(`= (\d+)$`)
)

// resolved reads a log of strace -f. A process that is cloned inside is inside from its first call on, even where its
// parent's clone is seen to return later: so it is looked for beforehand.
func resolved(log string) (r resolution) {
	inside := map[string]bool{}
	for again := true; again; {
		again = false
		r = resolution{}
		now := map[string]bool{}
		begun := map[string]string{}
		for line := range strings.Lines(log) {
			parts := straceLine.FindStringSubmatch(strings.TrimSpace(line))
			if parts == nil {
				continue
			}
			pid, call, rest := parts[1], parts[2], parts[3]
			if _, result, ok := strings.Cut(rest, "resumed>"); ok { // where another process came in between
				rest = begun[pid] + result
			}
			begun[pid], _, _ = strings.Cut(rest, " <unfinished ...>")
			again = r.take(now, inside, pid, call, rest) || again
		}
	}
	return r
}

// take takes one call into account, and reports whether it has told of another process that is born inside.
func (r *resolution) take(now, born map[string]bool, pid, call, rest string) (news bool) {
	if _, seen := now[pid]; !seen {
		now[pid] = born[pid]
	}
	result := ended.FindStringSubmatch(rest)
	switch {
	case call == "setns" && strings.Contains(rest, "CLONE_NEWNS") && result != nil:
		now[pid], r.joined = true, true
	case (strings.HasPrefix(call, "clone") || strings.HasSuffix(call, "fork")) && now[pid] && result != nil:
		child := result[1]
		news = child != "0" && !born[child]
		born[child] = true
	case !now[pid]:
	case call == "execve" && result != nil && result[1] == "0" && !strings.Contains(rest, "/proc/self/"):
		now[pid] = false
	default:
		if path := quoted.FindStringSubmatch(rest); path != nil && path[1] != "" {
			r.paths = addOnce(r.paths, path[1])
		}
	}
	return news
}

// The reading of logs is a program too.
func TestResolved(t *testing.T) {
	const log = `10 openat(AT_FDCWD, "/outside", O_RDONLY) = 3
10 setns(5, CLONE_NEWNS|CLONE_NEWPID) = 0
11 openat(AT_FDCWD, "/inside", O_RDONLY) = -1 ENOENT (No such file or directory)
10 clone(child_stack=NULL, flags=CLONE_PARENT|SIGCHLD <unfinished ...>
11 readlinkat(4, "", "x", 63) = 1
10 <... clone resumed>) = 11
11 readlinkat(4, "",  <unfinished ...>
10 exit_group(0) = ?
11 <... readlinkat resumed>"user:[4026531837]", 63) = 17
11 execve("/bin/true", ["true"], 0x7ffe /* 1 var */) = 0
11 openat(AT_FDCWD, "/of-the-program", O_RDONLY) = 3
`
	r := resolved(log)
	if got := strings.Join(r.paths, " "); !r.joined || got != "/inside" {
		t.Errorf("joined %v, resolved %q", r.joined, got)
	}
}
