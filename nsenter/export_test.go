package nsenter

// The ways of joining, for tests that force each.
const (
	JoinAuto      = joinAuto
	JoinByProcess = joinByProcess
	JoinByHandles = joinByHandles
)

// JoinMode is one of them.
type JoinMode = joinMode

// ForceJoin makes Start take one way of joining.
func (c *Cmd) ForceJoin(mode JoinMode) { c.joinMode = mode }
