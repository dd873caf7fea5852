//go:build !linux

package nsenter

// IDMap stands in for syscall.SysProcIDMap, which only Linux has.
type IDMap struct{ ContainerID, HostID, Size int }

func subordinateIDs(string) (IDMap, error) { return IDMap{}, Available() }

func (c *Cmd) parentIDs(string) ([]IDMap, error) { return nil, Available() }
