package ns

import (
	"errors"
	"slices"
	"testing"
)

func TestTypeNames(t *testing.T) {
	for _, k := range kinds {
		got, err := ParseType(k.name)
		if err != nil || got != k.t {
			t.Errorf("ParseType(%q) = %v, %v, want %v", k.name, got, err, k.t)
		}
		if k.t.Name() != k.name || k.t.String() != k.constant {
			t.Errorf("%v: Name %q, String %q, want %q, %q", k.t, k.t.Name(), k.t.String(), k.name, k.constant)
		}
	}
	for alias, want := range map[string]Type{"mount": Mount, "network": Net} {
		if got, err := ParseType(alias); err != nil || got != want {
			t.Errorf("ParseType(%q) = %v, %v, want %v", alias, got, err, want)
		}
	}
	for _, bad := range []string{"", "NET", "pid_for_children", "time_for_children", "net ", "CLONE_NEWNET"} {
		if got, err := ParseType(bad); got != 0 || !errors.Is(err, ErrInvalidType) {
			t.Errorf("ParseType(%q) = %v, %v, want ErrInvalidType", bad, got, err)
		}
	}
}

func TestTypeString(t *testing.T) {
	for _, test := range []struct {
		t    Type
		want string
	}{
		{0, "0"},
		{Mount | Net, "CLONE_NEWNS | CLONE_NEWNET"},
		{User | Time | 1, "CLONE_NEWTIME | CLONE_NEWUSER | 0x1"},
		{1 << 40, "0x10000000000"},
		{All, "CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET"},
	} {
		if got := test.t.String(); got != test.want {
			t.Errorf("%#x: %q, want %q", uint64(test.t), got, test.want)
		}
	}
	for _, many := range []Type{0, Net | PID, All, 1} {
		if got := many.Name(); got != "" {
			t.Errorf("(%v).Name() = %q, want none", many, got)
		}
	}
}

func TestTypesInJoinOrder(t *testing.T) {
	want := []Type{User, Cgroup, IPC, UTS, Net, PID, Mount, Time}
	if got := All.Types(); !slices.Equal(got, want) {
		t.Errorf("All.Types() = %v, want %v", got, want)
	}
	if got := (Net | User | 1).Types(); !slices.Equal(got, []Type{User, Net}) {
		t.Errorf("(Net|User|1).Types() = %v", got)
	}
	if got := Type(0).Types(); len(got) != 0 {
		t.Errorf("Type(0).Types() = %v", got)
	}
}
