//go:build linux

package ns

import "testing"

// What has gone may have left its number to a namespace of another type.
func TestTreeOfAnswersToOneNumber(t *testing.T) {
	id := func(n uint64) ID { return ID{Dev: 1, Ino: n} }
	l := &Listing{Namespaces: []Namespace{
		{Type: User, ID: id(1)},
		{Type: User, ID: id(2), Owner: id(1)},
		{Type: UTS, ID: id(2), Owner: id(1)},
		{Type: Net, ID: id(3), Owner: id(2)},
	}}
	f := l.Tree()
	if n := count(f.Ownership); n != len(l.Namespaces) {
		t.Errorf("%d nodes in the tree, want %d", n, len(l.Namespaces))
	}
	if node := nodeOf(f.Ownership, 2); node.Namespace.Type != User || len(node.Children) != 1 {
		t.Errorf("%+v", node.Namespace)
	}
}
