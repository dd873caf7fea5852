//go:build linux && cgo

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"nsexec/ns"
)

// sighting is where the payload finds itself. It asks the kernel only, by other ways than the library does.
type sighting struct {
	Inodes map[string]uint64 // by the types' names
	PIDs   []string          // outermost first
}

func newDemoPayloadCmd() *cobra.Command {
	return &cobra.Command{
		Use:    "demo-payload",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := lookAround()
			if err != nil {
				return err
			}
			return json.NewEncoder(cmd.OutOrStdout()).Encode(s)
		},
	}
}

// lookAround reads the /proc of the target's mount namespace, which is a copy of the demo's.
func lookAround() (*sighting, error) {
	s := &sighting{Inodes: make(map[string]uint64)}
	for _, t := range ns.All.Types() {
		var st unix.Stat_t
		if err := unix.Stat("/proc/self/ns/"+t.Name(), &st); err == nil {
			s.Inodes[t.Name()] = st.Ino
		}
	}
	var err error
	s.PIDs, err = ownPIDs()
	return s, err
}

// ownPIDs are this process's pids in all pid namespaces that procfs can see.
func ownPIDs() ([]string, error) {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		return nil, err
	}
	defer status.Close()
	lines := bufio.NewScanner(status)
	for lines.Scan() {
		if pids, ok := strings.CutPrefix(lines.Text(), "NSpid:"); ok {
			return strings.Fields(pids), nil
		}
	}
	return nil, fmt.Errorf("read own pids: no NSpid in %s", status.Name())
}
