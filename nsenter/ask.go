//go:build linux && cgo

package nsenter

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"nsexec/internal/procfs"
	"nsexec/ns"
)

// asking is what a request is made from.
type asking struct {
	cmd   *Cmd
	plan  *plan
	files []*os.File
	env   []string

	helpers *mapHelpers
	inherit func(*request) (*os.File, error) // nil: stage 0 has it all by birth
}

// send marshals and sends, while all that travels is held open.
func (q *asking) send(ch *channel) error {
	r := &request{
		plan: *q.plan, new: q.cmd.New, pidfd: -1, root: -1, cwd: -1, input: -1, output: -1,
		path: q.cmd.Path, dir: q.cmd.Dir, argv: q.cmd.argv(), env: q.env,
		newRoot: q.cmd.hasOwnRoot(), trace: q.cmd.Trace != nil,
		callerMaps: q.helpers != nil || q.cmd.mapped != nil, deathSignal: q.cmd.deathSignal(), init: q.cmd.Init,
		setsid: q.cmd.Setsid, setctty: q.cmd.Setctty,
	}
	q.addCredential(r)
	q.addFiles(r)
	if q.inherit != nil {
		here, err := q.inherit(r)
		if err != nil {
			return err
		}
		defer here.Close() // of nil it does nothing but say so
	}
	defer runtime.KeepAlive(q)
	return q.withNamespaces(r, 0, func() error {
		message, err := r.marshal()
		if err != nil {
			return err
		}
		return ch.send(message, r.fds)
	})
}

func (r *request) add(fd int) (index int) {
	r.fds = append(r.fds, fd)
	return len(r.fds) - 1
}

// addFiles lets a file that stands twice travel once.
func (q *asking) addFiles(r *request) {
	sent := make(map[*os.File]int)
	for _, f := range q.files {
		if f == nil {
			r.files = append(r.files, -1)
			continue
		}
		if _, ok := sent[f]; !ok {
			sent[f] = r.add(int(f.Fd()))
		}
		r.files = append(r.files, sent[f])
	}
	if f := q.cmd.function; f != nil {
		r.input, r.output = r.add(int(f.input.Fd())), r.add(int(f.output.Fd()))
	}
	if q.cmd.Root != nil {
		r.root = r.add(int(q.cmd.Root.Fd()))
		r.rootPath, _ = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", r.fds[r.root]))
	}
	if q.cmd.WorkDir != nil {
		r.cwd = r.add(int(q.cmd.WorkDir.Fd()))
	}
}

// addCredential: whoever enters a user namespace is its root unless told otherwise.
func (q *asking) addCredential(r *request) {
	r.credential = q.cmd.Credential
	if (q.plan.types()|q.plan.create)&ns.User == 0 {
		return
	}
	if r.credential == nil {
		r.credential = &Credential{}
		r.idsIfMapped = true
	}
	if q.plan.create&ns.User != 0 {
		r.noSetgroups, r.trySetgroups = q.cmd.New.DenySetgroups, true
		return
	}
	r.noSetgroups, r.trySetgroups = setgroupsDenied(q.cmd.set)
}

// withNamespaces holds the target's pidfd, or the handles from the i-th join
// on, open during fn. It calls itself for the next one, so that all are held at
// once: a descriptor closed meanwhile could be another file by now.
func (q *asking) withNamespaces(r *request, i int, fn func() error) (err error) {
	if q.plan.byProcess {
		holdErr := q.cmd.set.Process(func(_ int, pidfd uintptr) {
			r.pidfd = r.add(int(pidfd))
			err = fn()
		})
		return errors.Join(holdErr, err)
	}
	if i == len(r.plan.joins) {
		return fn()
	}
	holdErr := r.plan.joins[i].handle.Control(func(fd uintptr) {
		r.plan.joins[i].fd = r.add(int(fd))
		err = q.withNamespaces(r, i+1, fn)
	})
	return errors.Join(holdErr, err)
}

// setgroupsDenied asks the target whether its user namespace allows setgroups. It
// does not either, whatever it says, before its gid_map has been written.
// For a set that has no process that is unknown: stage 0 may try.
func setgroupsDenied(set *ns.Set) (denied, unknown bool) {
	err := set.Process(func(pid int, _ uintptr) {
		text, err := procfs.ReadPID(pid, "setgroups")
		gids, mapErr := procfs.ReadPID(pid, "gid_map")
		denied = strings.HasPrefix(string(text), "deny") || mapErr == nil && len(gids) == 0
		unknown = err != nil || mapErr != nil
	})
	return denied, unknown || err != nil
}
