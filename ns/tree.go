package ns

// Node is a namespace in a tree.
type Node struct {
	Namespace *Namespace
	Children  []*Node // sorted as in Listing
}

// Forest shows how namespaces descend from each other. More than one tree in it means that what binds them
// together is above what the caller may see.
type Forest struct {
	// Ownership has every namespace below the user namespace that owns it. User namespaces are owned by their parents.
	Ownership []*Node
	// PIDs has every pid namespace below its parent.
	PIDs []*Node
	// Listing is what the trees are made of.
	Listing *Listing
}

// Tree is List, arranged.
func Tree() (*Forest, error) {
	l, err := List()
	if err != nil {
		return nil, err
	}
	return l.Tree(), nil
}

// Tree arranges a listing.
func (l *Listing) Tree() *Forest {
	all := func(*Namespace) bool { return true }
	pids := func(n *Namespace) bool { return n.Type == PID }
	return &Forest{
		Ownership: l.trees(User, all, func(n *Namespace) ID { return n.Owner }),
		PIDs:      l.trees(PID, pids, func(n *Namespace) ID { return n.Parent }),
		Listing:   l,
	}
}

// trees hangs every namespace that is wanted below the one of type t that above names. One with nobody above it, or nobody
// that the caller sees, is a root. An ID alone does not tell which row it is: what has gone while the listing was made may
// have left its number to another.
func (l *Listing) trees(t Type, wanted func(*Namespace) bool, above func(*Namespace) ID) (roots []*Node) {
	var nodes []*Node
	parents := make(map[ID]*Node)
	for i := range l.Namespaces {
		n := &l.Namespaces[i]
		if !wanted(n) {
			continue
		}
		node := &Node{Namespace: n}
		nodes = append(nodes, node)
		if n.Type == t {
			parents[n.ID] = node
		}
	}
	for _, node := range nodes {
		if parent := parents[above(node.Namespace)]; parent != nil {
			parent.Children = append(parent.Children, node)
		} else {
			roots = append(roots, node)
		}
	}
	return roots
}
