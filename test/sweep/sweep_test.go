//go:build linux && cgo

package main

import (
	"os"
	"testing"

	"nsexec/internal/testutil"
	"nsexec/nsenter"
)

func TestMain(m *testing.M) {
	if nsenter.Init() {
		return
	}
	if ran, err := playRole(); ran {
		end(err)
		return
	}
	os.Exit(m.Run())
}

// Whatever goes wrong on the way, Start returns in time, says what, and leaves nothing: a sample of `make sweep`. It
// has a few of every kind of fault in every scenario, and each that was not survived once.
func TestSampleOfFaults(t *testing.T) {
	testutil.Target(t, testutil.AllTypes).Kill() // or skip: an ordinary user may not be allowed to make one
	kinds := make(map[Kind]int)
	for _, done := range sweep(scenarios(), aSample, 6) {
		t.Run(done.scenario.Name, func(t *testing.T) {
			for _, err := range done.complaints() {
				if err != nil {
					t.Error(err)
				}
			}
			if len(done.results) < 20 {
				t.Errorf("only %d cases", len(done.results))
			}
			points := make(map[string]int)
			for _, r := range done.results {
				kinds[r.Kind]++
				points[r.What]++
			}
			for _, p := range syncPoints {
				if points[p.what] == 0 {
					t.Errorf("nobody was killed %s", p.what)
				}
			}
		})
	}
	t.Logf("cases: %v", kinds)
	for _, kind := range allKinds {
		if kinds[kind] == 0 {
			t.Errorf("no case where a call %s", kind)
		}
	}
}

// The oracle can fail: it does not take what has not happened for survival, nor one error for another.
func TestJudgeCanComplain(t *testing.T) {
	s := &scenario{Join: six}
	at := call{Point: Point{Stage0, callNumber(t, "setns"), 1}, Phase: Steps, Args: [6]uint64{4, uint64(six)}}
	right := failure{Whole: true, Stage: nsenter.Stage0, Op: "join", Type: six, Errno: 1, Cause: "operation not permitted"}
	for name, test := range map[string]struct {
		change   func(f *failure)
		survived bool
	}{
		"right":          {func(*failure) {}, true},
		"other stage":    {func(f *failure) { f.Stage = nsenter.Stage1 }, false},
		"other step":     {func(f *failure) { f.Op = "clone" }, false},
		"other errno":    {func(f *failure) { f.Errno = 2 }, false},
		"other type":     {func(f *failure) { f.Type = 0 }, false},
		"no error of us": {func(f *failure) { f.Whole = false }, false},
		"late":           {func(f *failure) { f.Deadline = true }, false},
	} {
		f := right
		test.change(&f)
		r := &record{scenario: s, hit: &at, calls: []call{at}, fault: &fault{Point: at.Point, Kind: Fail, Errno: 1}}
		if complaint := judge(s, r, &outcome{Failure: &f}); (complaint == "") != test.survived {
			t.Errorf("%s: %q", name, complaint)
		}
	}
	r := &record{scenario: s, hit: &at, calls: []call{at}, fault: &fault{Point: at.Point, Kind: Fail, Errno: 1}}
	if judge(s, r, &outcome{}) == "" {
		t.Error("success was no complaint")
	}
}

func callNumber(t *testing.T, name string) int {
	for nr, known := range callNames {
		if known == name {
			return nr
		}
	}
	t.Fatalf("no call %s", name)
	return 0
}

// Every rule says what an error is called, or why there is none.
func TestRulesSayOneThing(t *testing.T) {
	for i, u := range rules {
		said := 0
		for _, says := range []bool{u.op != "", u.why != "", u.anything} {
			if says {
				said++
			}
		}
		if said != 1 {
			t.Errorf("rule %d, of %s, says %d things", i, callName(u.nr), said)
		}
	}
}
