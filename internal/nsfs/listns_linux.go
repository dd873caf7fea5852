package nsfs

import (
	"iter"

	"golang.org/x/sys/unix"
)

// IDsOfAll goes through the 64-bit ids of all namespaces that the kernel lets the caller list: listns(2), which
// came after Linux 6.18. Where it is missing, or refused, there are none.
func IDsOfAll() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
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
