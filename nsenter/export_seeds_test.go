//go:build linux && cgo

package nsenter

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// Seeds are requests of every kind, as they travel, for the fuzzer of their decoder. Nothing in them is this machine's.
func Seeds() (map[string][]byte, error) {
	messages := make(map[string][]byte)
	for name, r := range seeds() {
		message, err := r.marshal()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		messages[name] = message
	}
	return messages, nil
}

func seeds() map[string]*request {
	return map[string]*request{
		"plain":     seed(2),
		"six":       sixSeed(),
		"process":   processSeed(),
		"namespace": namespaceSeed(),
		"root":      rootSeed(),
		"function":  functionSeed(),
		"inherited": inheritedSeed(),
		"many":      manySeed(),
	}
}

// seed is a request for true with so many files, of which one is not the first's.
func seed(files int) *request {
	r := &request{
		pidfd: -1, root: -1, cwd: -1, input: -1, output: -1, fds: make([]int, files),
		path: "true", dir: "/", argv: []string{"true"}, env: []string{"PATH=/bin:/usr/bin"},
	}
	for i := range files {
		r.files = append(r.files, i-1)
	}
	return r
}

func (r *request) join(types ns.Type, byHandle bool) {
	for i, t := range types.Types() {
		j := join{typ: t, inode: 4026531834 + uint64(i), fd: -1}
		if byHandle {
			j.fd = r.add(0)
		}
		r.plan.joins = append(r.plan.joins, j)
	}
}

func sixSeed() *request {
	r := seed(3)
	r.join(ns.All&^(ns.User|ns.Time), true)
	r.trace = true
	return r
}

func processSeed() *request {
	r := seed(0)
	r.pidfd = r.add(0)
	r.join(ns.User|ns.Mount|ns.PID, false)
	r.credential, r.idsIfMapped, r.trySetgroups = &Credential{UID: 1, GID: 2, Groups: []int{3, 4, 5}}, true, true
	return r
}

func namespaceSeed() *request {
	r := seed(0)
	r.plan.create = ns.All
	r.new = New{
		UIDMappings: []IDMap{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}},
		GIDMappings: []IDMap{{ContainerID: 0, HostID: 1000, Size: 1}}, DenySetgroups: true,
		Owner: &Credential{UID: 1000, GID: 1000}, KeepCapabilities: true, Monotonic: time.Hour, Boottime: -time.Minute,
		Propagation: Private, MountProc: true, ProcDir: "/proc", Hostname: "host", Domainname: "domain", LoopbackUp: true,
	}
	r.callerMaps, r.init, r.deathSignal = true, true, 9
	return r
}

func rootSeed() *request {
	r := seed(1)
	r.plan.create = ns.Mount
	r.new = New{PivotRoot: true, Propagation: Private}
	r.root, r.cwd, r.rootPath, r.newRoot = r.add(0), r.add(0), "/srv/root", true
	return r
}

func functionSeed() *request {
	r := seed(0)
	r.path, r.argv, r.env = "", []string{"program"}, nil
	r.input, r.output = r.add(0), r.add(0)
	return r
}

func inheritedSeed() *request {
	r := seed(3)
	r.inherited = &inherited{
		blocked: 1 << 9, nice: 20, cpus: []byte(strings.Repeat("\x0f", 16)),
		limits: []changedLimit{{unix.RLIMIT_NOFILE, unix.Rlimit{Cur: 1024, Max: 4096}}, {unix.RLIMIT_CORE, unix.Rlimit{}}},
	}
	r.inherited.here = r.add(0)
	return r
}

// manySeed has many of everything, and strings of all lengths around a word's.
func manySeed() *request {
	r := seed(40)
	for i := range 16 {
		r.argv = append(r.argv, strings.Repeat("a", i))
		r.env = append(r.env, "V="+strings.Repeat("é", i))
	}
	return r
}
