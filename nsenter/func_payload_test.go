//go:build linux && cgo

package nsenter_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"nsexec/ns"
	"nsexec/nsenter"
)

var listFilesOfChild = nsenter.NewFunc("list files of child", func(context.Context, []byte) ([]byte, error) {
	return exec.Command("sh", "-c", "readlink /proc/self/fd/*; true").Output()
})

// A cgroup with pids.max, or a target that is frozen, meets one task until the runtime boots.
func TestFuncHasOneThreadUntilGo(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		cmd := tellWhere.Command(t.Context(), set, []byte("{}"))
		cmd.BeforeExec = func(pid int) error {
			if n := statusOf(t, pid, "Threads")[0]; n != "1" {
				return fmt.Errorf("%s threads", n)
			}
			return nil
		}
		resultOf(t, cmd)
	})
}

func TestFuncHasNoOtherFiles(t *testing.T) {
	stray(t)
	for _, extra := range []int{0, 1, 300} {
		t.Run(fmt.Sprint(extra), func(t *testing.T) {
			everywhere(t, func(t *testing.T, set *ns.Set) {
				cmd := tellWhere.Command(t.Context(), set, []byte("{}"))
				for range extra {
					r, _ := osPipe(t)
					cmd.ExtraFiles = append(cmd.ExtraFiles, r)
				}
				checkFilesOfFunc(t, where(t, cmd).Files, 3+extra)
			})
		})
	}
}

// checkFilesOfFunc: all below given were, and the rest is what a function cannot do without.
func checkFilesOfFunc(t *testing.T, files map[int]string, given int) {
	t.Helper()
	own := []string{
		"/memfd:function input", "/memfd:function output", "socket:", // the library's
		"anon_inode:[eventpoll]", "anon_inode:[eventfd]", "/sys/fs/cgroup/", "/sys/fs/cgroup/", // Go's: GOMAXPROCS follows cpu.max
	}
	for fd, link := range files {
		if fd < given {
			continue
		}
		i := slices.IndexFunc(own, func(prefix string) bool { return strings.HasPrefix(link, prefix) })
		if i < 0 {
			t.Errorf("fd %d is %s", fd, link)
			continue
		}
		own = slices.Delete(own, i, i+1)
	}
	for fd := range given {
		if files[fd] == "" {
			t.Errorf("fd %d is closed", fd)
		}
	}
}

func TestFuncNilExtraFileIsClosed(t *testing.T) {
	r, _ := osPipe(t)
	cmd := tellingWhere(t)
	cmd.ExtraFiles = []*os.File{r, nil, r}
	files := where(t, cmd).Files
	if !strings.HasPrefix(files[3], "pipe:") || files[5] != files[3] || strings.HasPrefix(files[4], "pipe:") {
		t.Errorf("files are %v", files)
	}
}

// What a function starts gets none of the library's files.
func TestFuncsChildrenHaveNoFilesOfOurs(t *testing.T) {
	cmd := listFilesOfChild.Command(t.Context(), nil, nil)
	files := string(resultOf(t, cmd))
	if strings.Count(files, "\n") < 3 {
		t.Errorf("the child has but %q", files)
	}
	for line := range strings.Lines(files) {
		if strings.Contains(line, "memfd:function") && !strings.Contains(line, "stderr") || strings.Contains(line, "socket:") {
			t.Errorf("the child has %s", line)
		}
	}
}
