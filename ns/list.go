package ns

// Namespace is what List finds out about one namespace.
type Namespace struct {
	Type     Type
	ID       ID
	ID64     uint64 // see Handle.ID64; 0 where the kernel has none
	Owner    ID     // the user namespace that owns it; zero if there is none, or none that the caller may see
	Parent   ID     // of a user or pid namespace; zero likewise
	OwnerUID int    // see Handle.OwnerUID; -1 if not known

	Members int    // how many processes are in it
	PID     int    // the member with the lowest pid; 0 if there is none
	UID     int    // whom that process belongs to; -1 if there is none
	Command string // its command line

	Pins    []Pin    // bind mounts, which keep it alive without a member
	Holders []Holder // what else keeps it alive; looked for only if it has no member
}

// Pin is a bind mount of a namespace.
type Pin struct {
	Path string // in the mount namespace of process PID
	PID  int    // 0: the caller's own mount namespace
}

// Holder is something in a process that keeps a namespace alive although the process is not in it.
type Holder struct {
	PID    int
	FD     int  // the file descriptor: of the namespace itself, or of a socket in it; -1 for a thread
	Socket bool // a socket in it
	TID    int  // a thread that is in it, while its process is not; 0 if it is a file
}

// Listing is what the caller can see.
type Listing struct {
	Namespaces []Namespace // sorted by type in join order, then by inode

	// Unreadable are the processes whose namespaces the caller has no right to see: what is theirs alone is missing,
	// and they are missing among the members.
	Unreadable []int
	// Hidden tells that procfs does not even show other users' processes (hidepid).
	Hidden bool
}

// Complete tells whether nothing was in List's way.
func (l *Listing) Complete() bool { return !l.Hidden && len(l.Unreadable) == 0 }

// Find returns the namespace with this ID, or nil.
func (l *Listing) Find(id ID) *Namespace {
	for i := range l.Namespaces {
		if l.Namespaces[i].ID == id {
			return &l.Namespaces[i]
		}
	}
	return nil
}

// List finds every namespace that the caller can see: those that processes are in; those that bind mounts, file
// descriptors, sockets or single threads alone keep alive; and those that own, or are the parent of, another one.
// From Linux 6.19 the kernel lists the rest as well (listns(2)), if the caller has CAP_SYS_ADMIN in the initial user namespace.
//
// It goes through procfs once, in time proportional to the number of processes and their open files. It is no
// snapshot: what changes meanwhile may be seen before or after. Missing rights (CAP_SYS_PTRACE for other people's
// processes) and hidepid make the answer incomplete, never wrong; the Listing says so. An error means
// that there is no answer at all.
func List() (*Listing, error) { return list() }
