package ns

import (
	"context"
	"fmt"
	"net"
	"os"
)

// A socket belongs for ever to the network namespace that it was made in, whoever uses it from where. So it is
// enough to make it inside; what follows happens outside.

// Listen is net.Listen inside the network namespace. Connections are accepted outside, and are of the namespace.
// A host name in the address is looked up outside: better give a literal address, or none.
func (h *Handle) Listen(network, address string) (l net.Listener, err error) {
	err = h.inNet("listen", func() error {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// ListenPacket is net.ListenPacket inside the network namespace.
func (h *Handle) ListenPacket(network, address string) (c net.PacketConn, err error) {
	err = h.inNet("listen", func() error {
		c, err = net.ListenPacket(network, address)
		return err
	})
	return c, err
}

// DialContext is net.Dialer.DialContext inside the network namespace: it fits http.Transport and the like. Names are
// resolved inside, by the servers that the caller's /etc/resolv.conf names; several addresses of one name are tried one
// after the other.
func (h *Handle) DialContext(ctx context.Context, network, address string) (c net.Conn, err error) {
	dialer := net.Dialer{
		FallbackDelay: -1, // dialling in parallel would happen on other goroutines, outside
		Resolver:      h.resolver(),
	}
	err = h.inNet("dial", func() error {
		c, err = dialer.DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// Socket is socket(2) inside the network namespace. The file is close-on-exec and non-blocking; net.FileConn and its
// like take it further.
func (h *Handle) Socket(domain, typ, protocol int) (f *os.File, err error) {
	err = h.inNet("socket", func() error {
		f, err = newSocket(domain, typ, protocol)
		return err
	})
	return f, err
}

func (h *Handle) inNet(what string, fn func() error) error {
	if h.t != Net {
		return fmt.Errorf("%s in %v: %w: wanted a net namespace", what, h, ErrWrongType)
	}
	return h.Do(fn)
}

// resolver asks its servers from inside, on whichever goroutine package net uses for that.
func (h *Handle) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		return h.DialContext(ctx, network, address) // addresses of servers are literal
	}}
}
