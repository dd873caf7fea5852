package nsfs

import (
	"errors"
	"iter"

	"golang.org/x/sys/unix"

	"nsexec/internal/kernel"
)

// IDsOfAll goes through the 64-bit ids of all namespaces that the kernel lets the caller list: listns(2). Where it is
// missing, or refused, there are none. Nor are network namespaces that sockets alone keep alive: they are inactive until
// somebody asks a socket for its own (SIOCGSKNS).
func IDsOfAll() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		if !Lists.Has() {
			return
		}
		var page [512]uint64
		request := unix.NsIdReq{Size: unix.NS_ID_REQ_SIZE_VER0}
		for {
			n, err := unix.Listns(&request, page[:], 0)
			if err != nil || n == 0 {
				return
			}
			for _, id := range page[:n] {
				if !yield(id) {
					return
				}
			}
			request.Ns_id = page[n-1]
		}
	}
}

// Lists tells whether IDsOfAll works. EPERM comes from seccomp filters that do not know the call: for a caller without
// rights the list is merely short.
var Lists = &kernel.Probe{
	Name:  "listns",
	Since: "6.19",
	Try: func() kernel.Answer {
		var page [1]uint64
		_, err := unix.Listns(&unix.NsIdReq{Size: unix.NS_ID_REQ_SIZE_VER0}, page[:], 0)
		switch {
		case err == nil:
			return kernel.Yes
		case errors.Is(err, unix.ENOSYS):
			return kernel.No
		}
		return kernel.Unknown
	},
}
