//go:build linux

package ns

import (
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// lsns is a row of what util-linux's command says.
type lsns struct {
	NS      uint64
	Type    string
	Nprocs  int
	PID     int
	Command string
	PNS     uint64
	ONS     uint64
}

// seen is a namespace by its number and its first process: the number of one that is gone is the next one's.
type seen struct {
	link
	pid int
}

// Other processes come and go, so the two are asked until no namespace is left about which they have always differed.
func TestListAgreesWithLsns(t *testing.T) {
	newAll(t)
	var differences map[seen]string
	for range 10 {
		found := compareWithLsns(t)
		if differences == nil {
			differences = found
		}
		maps.DeleteFunc(differences, func(at seen, _ string) bool { return found[at] == "" })
		if len(differences) == 0 {
			return
		}
	}
	t.Error("differs from lsns:\n" + strings.Join(slices.Collect(maps.Values(differences)), "\n"))
}

// compareWithLsns returns what they differ in, by namespace. What has changed between a listing before and one after
// lsns is left out.
func compareWithLsns(t *testing.T) map[seen]string {
	t.Helper()
	before := mustList(t)
	theirs := askLsns(t)
	after := mustList(t)
	differences := make(map[seen]string)
	for _, our := range after.Namespaces {
		at := link{our.Type, our.ID.Ino}
		if old := before.Find(our.ID); old == nil || !reflect.DeepEqual(*old, our) {
			delete(theirs, at)
			continue
		}
		their, known := theirs[at]
		delete(theirs, at)
		switch {
		case known && !agree(&our, their):
			differences[seen{at, our.PID}] = fmt.Sprintf("%+v, lsns: %+v", our, their)
		case !known && our.Members > 0:
			differences[seen{at, our.PID}] = fmt.Sprintf("%+v, which lsns does not list", our)
		}
	}
	for at, their := range theirs {
		differences[seen{at, their.PID}] = fmt.Sprintf("only lsns lists %+v", their)
	}
	return differences
}

func askLsns(t *testing.T) map[link]lsns {
	t.Helper()
	var out []byte
	var err error
	for range 10 { // it fails when a process that it was reading has ended
		if out, err = exec.Command("lsns", "-J", "-l", "-o", "NS,TYPE,NPROCS,PID,COMMAND,PNS,ONS").Output(); err == nil {
			break
		}
	}
	var answer struct{ Namespaces []lsns }
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil {
		t.Fatalf("lsns: %v", err)
	}
	rows := make(map[link]lsns)
	for _, row := range answer.Namespaces {
		typ, err := ParseType(row.Type)
		if err != nil {
			t.Fatal(err)
		}
		rows[link{typ, row.NS}] = row
	}
	return rows
}

func agree(our *Namespace, their lsns) bool {
	// lsns is a member of its own namespaces, and sometimes the one with the lowest pid.
	if strings.HasPrefix(their.Command, "lsns ") {
		their.PID, their.Command = our.PID, our.Command
	}
	slack := 1
	if their.Nprocs > 20 {
		slack = 10 // where everybody is, processes come and go
	}
	if our.PID != their.PID || max(our.Members-their.Nprocs, their.Nprocs-our.Members) > slack {
		return false
	}
	if our.Owner.Ino != their.ONS || our.Parent.Ino != their.PNS {
		return false
	}
	return their.PID == 0 || strings.HasPrefix(our.Command, their.Command) || strings.HasPrefix(their.Command, our.Command)
}
