// Package sockpair makes the connected pair of sockets over which a caller and its stage 0 talk.
package sockpair
