//go:build linux && cgo

package nsenter

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nsexec/internal/capability"
	"nsexec/ns"
)

// mapHelpers are the programs that write the maps of a new user namespace for
// an unprivileged caller. They are found before anything is started.
type mapHelpers struct {
	newuidmap, newgidmap string
}

// findMapHelpers returns nil where the maps can be written without.
func (c *Cmd) findMapHelpers() (*mapHelpers, error) {
	if c.Unshare&ns.User == 0 || c.joinsOtherUser() { // who has joined one has all capabilities in it
		return nil, nil
	}
	if c.mapsItself() || capability.Have(unix.CAP_SETUID, unix.CAP_SETGID) {
		return nil, nil
	}
	var h mapHelpers
	var err error
	if h.newuidmap, err = findMapHelper("newuidmap"); err != nil {
		return nil, err
	}
	if h.newgidmap, err = findMapHelper("newgidmap"); err != nil {
		return nil, err
	}
	return &h, nil
}

// mapsItself: a caller may map its own ids, if setgroups is denied (user_namespaces(7)).
func (c *Cmd) mapsItself() bool {
	return isOwn(c.New.UIDMappings, os.Geteuid()) && isOwn(c.New.GIDMappings, os.Getegid()) &&
		(c.New.DenySetgroups || len(c.New.GIDMappings) == 0)
}

func isOwn(maps []IDMap, id int) bool {
	return len(maps) == 0 || len(maps) == 1 && maps[0].HostID == id && maps[0].Size == 1
}

// findMapHelper: without set-user-ID or file capabilities it could do no more than we.
func findMapHelper(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &Error{Op: "find", Path: name, Err: err,
			Hint: "more than one's own id takes it, or CAP_SETUID and CAP_SETGID: install uidmap"}
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", callerError("find", name, err)
	}
	_, capErr := unix.Getxattr(path, "security.capability", nil)
	if info.Mode()&os.ModeSetuid == 0 && capErr != nil {
		return "", &Error{Op: "find", Path: path, Errno: unix.EPERM, Hint: "it has neither set-user-ID nor file capabilities"}
	}
	return path, nil
}

// runMapHelpers runs each once, for the process that is in the new namespace.
func (l *launch) runMapHelpers(pid int) error {
	n := &l.cmd.New
	if err := l.runMapHelper(l.helpers.newuidmap, subuidFile, pid, n.UIDMappings); err != nil {
		return err
	}
	return l.runMapHelper(l.helpers.newgidmap, subgidFile, pid, n.GIDMappings)
}

// runMapHelper is bounded as Start is: a helper looks users up, which may take
// a network that does not answer.
func (l *launch) runMapHelper(path, ranges string, pid int, maps []IDMap) error {
	if len(maps) == 0 {
		return nil
	}
	ctx, cancel := l.channel.context()
	defer cancel()
	cmd := exec.CommandContext(ctx, path, mapHelperArgs(pid, maps)...)
	cmd.WaitDelay = discardTime
	stderr := &excerpt{}
	cmd.Stderr = stderr
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if expired := l.channel.expired(); expired != nil {
		return l.lost(StageCaller, "run "+filepath.Base(path), expired)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) { // its words alone: a failure to start is no ExitError; quoted, since they could control a terminal
		err = fmt.Errorf("%v: %q", exit.ProcessState, bytes.TrimSpace(stderr.Bytes()))
	}
	return &Error{Stage: StageCaller, Op: "run", Path: path, Err: err, Hint: rangesHint(ranges, maps)}
}

// rangesHint names the line that a helper must have refused.
func rangesHint(file string, maps []IDMap) string {
	own := os.Getuid()
	if file == subgidFile {
		own = os.Getgid()
	}
	if i := outsideSubordinate(file, maps, own); i >= 0 {
		return fmt.Sprintf("line %d, %q: no range of this user in %s holds it", i+1, mapLine(maps[i]), file)
	}
	return "the ranges that one may map are in " + file
}

func mapHelperArgs(pid int, maps []IDMap) []string {
	args := []string{strconv.Itoa(pid)}
	for _, m := range maps {
		args = append(args, strings.Fields(mapLine(m))...)
	}
	return args
}

// areHelpers tells whether the process to be mapped, and the one that asks for
// that, are stage 0's: whatever else speaks on the channel must not choose whom
// newuidmap is run for.
func (l *launch) areHelpers(owner, maker int) bool {
	return l.stage0 != nil && parentOf(owner) == maker && parentOf(maker) == l.stage0.Pid
}

// writeMaps lets newuidmap and newgidmap do it, and stage 0 go on.
func (l *launch) writeMaps(owner, maker int) error {
	if l.helpers == nil && l.cmd.mapped == nil || !l.areHelpers(owner, maker) {
		return callerError("write maps", "", unix.EPROTO)
	}
	if err := l.mapOwner(owner); err != nil {
		_, _ = l.channel.sendSome([]byte{0}, nil) // anything but GO
		l.ending = true
		return err
	}
	_, err := l.channel.sendSome(goMessage(lateInheritance{}), nil)
	return err
}

func (l *launch) mapOwner(pid int) error {
	write := l.writeMapsDirectly
	if l.helpers != nil {
		write = l.runMapHelpers
	}
	if err := write(pid); err != nil || l.cmd.mapped == nil {
		return err
	}
	return l.cmd.mapped(pid)
}
