//go:build linux && cgo

package nsenter

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"nsexec/internal/capability"
	"nsexec/ns"
)

// joinHint says which of setns(2)'s demands is not met.
func (at *scene) joinHint(e *Error) string {
	switch {
	case e.Op == "be the only thread":
		return "other threads ran before the constructor"
	case e.Op == "clone" && e.Errno == unix.ENOMEM:
		return "the pid namespace's first process has exited, or memory is short"
	case e.Op != "join":
		return ""
	case e.Errno == unix.ESRCH:
		return "the target has exited"
	case e.Errno == unix.EINVAL && e.Type == ns.User:
		return "it is the user namespace that the process is in already, which the kernel lets nobody join again"
	case e.Errno == unix.EUSERS && e.Type == ns.Time:
		return "other threads share the process's memory"
	case e.Errno == unix.EPERM:
		return at.obstacle(e.Type)
	}
	return ""
}

// obstacle is the first of the namespaces that the caller lacks a capability for.
func (at *scene) obstacle(types ns.Type) string {
	asked := false
	for _, j := range at.joins {
		if j.typ&types == 0 {
			continue
		}
		if text := at.obstacleTo(j); text != "" {
			return text
		}
		asked = true
	}
	if asked && !isFiltered() {
		return "the caller has the capabilities for it: a security module may be what refuses it"
	}
	return ""
}

func (at *scene) obstacleTo(j join) string {
	owner, done, err := ownerOf(j)
	if err != nil {
		return outOfReach(j)
	}
	defer done()
	switch joinsUser := at.joinsUser(); {
	case !hasPowerOver(owner):
		return fmt.Sprintf("it takes CAP_SYS_ADMIN in %v%s%s; %s", owner, ofUser(owner), owning(j), callerHas())
	case joinsUser: // and has all capabilities there
		return ""
	case !capability.Have(unix.CAP_SYS_ADMIN):
		return "it takes CAP_SYS_ADMIN in the caller's own user namespace too, or to join a user namespace as well; " + callerHas()
	case j.typ == ns.Mount && !capability.Have(unix.CAP_SYS_CHROOT):
		return fmt.Sprintf("to join %v takes CAP_SYS_CHROOT beside CAP_SYS_ADMIN; %s", j.handle, callerHas())
	}
	return ""
}

func (at *scene) joinsUser() bool {
	p := plan{joins: at.joins}
	return p.types()&ns.User != 0
}

// ownerOf is the user namespace in which the capabilities to join are asked for.
func ownerOf(j join) (owner *ns.Handle, done func(), err error) {
	if j.typ == ns.User {
		return j.handle, func() {}, nil
	}
	owner, err = j.handle.Owner()
	return owner, func() { owner.Close() }, err
}

func ofUser(owner *ns.Handle) string {
	uid, err := owner.OwnerUID()
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" of uid %d", uid)
}

func owning(j join) string {
	if j.typ == ns.User {
		return ""
	}
	return fmt.Sprintf(", which owns %v", j.handle)
}

// outOfReach is for a namespace whose owner the kernel does not even name.
func outOfReach(j join) string {
	return fmt.Sprintf("%v is owned by a user namespace that is neither the caller's nor below it; %s", j.handle, callerHas())
}

// hasPowerOver tells whether the caller has CAP_SYS_ADMIN in a user namespace: its own, if it has that there; one
// below, which inherits it; or one whose parent is its own, and whose owner it is (user_namespaces(7)).
func hasPowerOver(user *ns.Handle) bool {
	own, err := currentID(ns.User)
	if err != nil || user.ID() == own {
		return err == nil && capability.Have(unix.CAP_SYS_ADMIN)
	}
	parent, err := user.Parent()
	if err != nil {
		return false
	}
	defer parent.Close()
	if uid, err := user.OwnerUID(); err == nil && parent.ID() == own && uid == os.Geteuid() {
		return true
	}
	return hasPowerOver(parent)
}

// callerHas says who the caller is, and what he has of what joining takes.
func callerHas() string {
	who := fmt.Sprintf("the caller, uid %d in its user namespace%s", os.Geteuid(), named(ns.User))
	switch admin, chroot := capability.Have(unix.CAP_SYS_ADMIN), capability.Have(unix.CAP_SYS_CHROOT); {
	case admin && chroot:
		return who + ", has both CAP_SYS_ADMIN and CAP_SYS_CHROOT there"
	case admin:
		return who + ", has CAP_SYS_ADMIN there, but no CAP_SYS_CHROOT"
	case chroot:
		return who + ", has CAP_SYS_CHROOT there, but no CAP_SYS_ADMIN"
	}
	return who + ", has neither CAP_SYS_ADMIN nor CAP_SYS_CHROOT there"
}

// named is which of that type the caller is in: ", user:[4026531837]".
func named(t ns.Type) string {
	own, err := currentID(t)
	if err != nil {
		return ""
	}
	return fmt.Sprintf(", %s:[%d]", t.Name(), own.Ino)
}
