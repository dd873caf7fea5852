//go:build linux && cgo

package nsenter_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"nsexec/ns"
	"nsexec/nsenter"
)

// PROBLEMS 17: an ordinary user, several ranges of ids besides its own, and 340 lines. See accountRange for those it has.
func TestProblem17MapsThroughHelpers(t *testing.T) {
	if !asAccount(t) {
		return
	}
	baseline(t)
	const script = showMaps + " /proc/self/setgroups; id -u; id -g; id -G"
	cmd := mapping(script, idMap(0, 47110, 1), idMap(1, 200000, 65536), idMap(65537, 3000, 1000))
	const lines = "0 47110 1 1 200000 65536 65537 3000 1000"
	wantSays(t, cmd, lines+" "+lines+" allow 0 0 0")

	cmd = mapping("id -u; id -g; id -G", idMap(0, 200000, 65536))
	cmd.Credential = &nsenter.Credential{UID: 1, GID: 2, Groups: []int{3}}
	wantSays(t, cmd, "1 2 2 3")
	wantSays(t, mapping("wc -l </proc/self/uid_map; wc -l </proc/self/gid_map", scattered(340, 3000)...), "340 340")
}

func TestMapAuto(t *testing.T) {
	if !asAccount(t) {
		return
	}
	baseline(t)
	for _, test := range []struct {
		first func(*nsenter.Cmd)
		lines string
	}{
		{func(*nsenter.Cmd) {}, "0 200000 65536"},
		{(*nsenter.Cmd).MapRoot, "0 47110 1 1 200000 65535"},
		{(*nsenter.Cmd).MapCurrentUser, "47110 47110 1 0 200000 47110 47111 247110 18425"},
	} {
		cmd := nsenter.Command(nil, "/bin/sh", "-c", showMaps)
		test.first(cmd)
		if err := cmd.MapAuto(); err != nil {
			t.Fatal(err)
		}
		wantSays(t, cmd, test.lines+" "+test.lines)
	}
}

func TestMapAutoWithoutRange(t *testing.T) {
	if !inUserNamespace(t) {
		return
	}
	if text, _ := os.ReadFile("/etc/subuid"); len(text) > 0 {
		t.Logf("/etc/subuid is not empty, and may name this user")
	}
	cmd := nsenter.Command(nil, "true")
	if err := cmd.MapAuto(); err == nil && len(cmd.New.UIDMappings) == 0 {
		t.Error("no range, and no error")
	}
}

// PROBLEMS 17: the line is named that a helper has refused.
func TestProblem17RangeThatIsNotOurs(t *testing.T) {
	if !asAccount(t) {
		return
	}
	beSubreaper(t)
	baseline(t)
	wantRefused(t, mapping("true", idMap(0, 47110, 1), idMap(1, 400000, 10)), nsenter.StageCaller, nil, `line 2, "1 400000 10": no range of this user in /etc/subuid holds it`)
	cmd := mapping("true", idMap(0, 200000, 10))
	cmd.New.GIDMappings = []nsenter.IDMap{idMap(0, 400000, 10)}
	wantRefused(t, cmd, nsenter.StageCaller, nil, `line 1, "0 400000 10": no range of this user in /etc/subgid holds it`)
}

// One's own id, anywhere inside, takes no helper.
func TestMapOwnIDWithoutHelper(t *testing.T) {
	if !asOrdinaryUser(t) {
		return
	}
	t.Setenv("PATH", "/nonexistent")
	cmd := nsenter.Command(nil, "/bin/cat", "/proc/self/uid_map")
	cmd.Unshare = 0
	cmd.MapRoot()
	cmd.New.UIDMappings[0].ContainerID = 77
	cmd.New.GIDMappings[0].ContainerID = 88
	wantSays(t, cmd, fmt.Sprintf("77 %d 1", os.Geteuid()))
}

func TestMapHelperMissing(t *testing.T) {
	if !asOrdinaryUser(t) {
		return
	}
	baseline(t)
	t.Setenv("PATH", "/nonexistent")
	wantRefused(t, mapping("true", idMap(0, 200000, 10)), nsenter.StageCaller, exec.ErrNotFound, `find "newuidmap"`)
}

func TestMapHelperWithoutPrivilege(t *testing.T) {
	if !asOrdinaryUser(t) {
		return
	}
	baseline(t)
	fakeMapHelpers(t, "exit 0", 0o755)
	wantRefused(t, mapping("true", idMap(0, 200000, 10)), nsenter.StageCaller, syscall.EPERM, "neither set-user-ID nor file capabilities")
}

// fakeMapHelpers puts a script in place of newuidmap, and one that does nothing in place of newgidmap. A script's
// set-user-ID bit is of no effect, but it is there.
func fakeMapHelpers(t *testing.T, script string, mode os.FileMode) {
	t.Helper()
	dir := openDir(t)
	writeFile(t, filepath.Join(dir, "newuidmap"), "#!/bin/sh\n"+script+"\n", mode)
	writeFile(t, filepath.Join(dir, "newgidmap"), "#!/bin/sh\n", mode)
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

// Helpers that fail, that do nothing, and that are killed or kill: nothing is left of stage 0 and its own.
func TestMapHelpersThatDie(t *testing.T) {
	if !asOrdinaryUser(t) {
		return
	}
	beSubreaper(t)
	baseline(t)
	const parent = `parent() { awk '/^PPid/ { print $2 }' /proc/$1/status; }; `
	for name, script := range map[string]string{
		"helper fails":         "echo because >&2; exit 1",
		"helper is killed":     "kill -9 $$",
		"the owner is killed":  "kill -9 $1",
		"the maker is killed":  parent + "kill -9 $(parent $1)",
		"stage 0 is killed":    parent + "kill -9 $(parent $(parent $1))",
		"all three are killed": parent + "m=$(parent $1); kill -9 $1 $m $(parent $m)",
	} {
		t.Run(name, func(t *testing.T) {
			fakeMapHelpers(t, script, 0o755|os.ModeSetuid)
			if err := mapping("true", idMap(0, 200000, 10)).Run(); err == nil {
				t.Error("started all the same")
			} else {
				t.Log(err)
			}
			reapAll(t)
		})
	}
}

// A helper that hangs, alone or in a child that has its stderr, is given up when Start is.
func TestMapHelperThatHangs(t *testing.T) {
	if !asOrdinaryUser(t) {
		return
	}
	beSubreaper(t)
	baseline(t)
	for name, script := range map[string]string{"itself": "exec sleep 60", "its child": "sleep 60 & echo $! >&2; wait"} {
		t.Run(name, func(t *testing.T) {
			fakeMapHelpers(t, script, 0o755|os.ModeSetuid)
			cmd := mapping("true", idMap(0, 200000, 10))
			cmd.StartTimeout = 200 * time.Millisecond
			wantRefused(t, cmd, nsenter.StageCaller, os.ErrDeadlineExceeded, "run newuidmap")

			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			cmd = nsenter.CommandContext(ctx, nil, "true")
			cmd.Unshare = ns.User
			cmd.New.UIDMappings = []nsenter.IDMap{idMap(0, 200000, 10)}
			wantRefused(t, cmd, nsenter.StageCaller, context.DeadlineExceeded, "run newuidmap")
			killChildren(t)
			reapAll(t)
		})
	}
}

// killChildren ends what helpers have left behind.
func killChildren(t *testing.T) {
	t.Helper()
	for _, pid := range childrenOf(os.Getpid()) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
}

func TestMapHelperCannotControlTerminal(t *testing.T) {
	if !asOrdinaryUser(t) {
		return
	}
	beSubreaper(t)
	baseline(t)
	fakeMapHelpers(t, `printf '\033[31mred\r\n' >&2; exit 1`, 0o755|os.ModeSetuid)
	cmd := mapping("true", idMap(0, 200000, 10))
	wantRefused(t, cmd, nsenter.StageCaller, nil, `exit status 1: "\x1b[31mred"`)
}

func TestFirstRange(t *testing.T) {
	const last = nsenter.LargestID
	for _, r := range [][2]int64{{100000, 65536}, {1<<31 - 1, 1}, {last - 9, 10}, {last, 1}} {
		m, err := nsenter.FirstRange([2]int64{0, 5}, [2]int64{last, 2}, [2]int64{last + 1, 1}, [2]int64{7, 0}, r)
		if want := idMap(0, int(r[0]), int(r[1])); m != want || err != nil {
			t.Errorf("%v, %v; want %v", m, err, want)
		}
	}
	if m, err := nsenter.FirstRange([2]int64{last, 2}); err == nil {
		t.Errorf("a range that ends too high: %v", m)
	}
}
