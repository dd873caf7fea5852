//go:build linux && cgo

package attack

import (
	"os/exec"
	"slices"
	"testing"

	"nsexec/internal/testutil"
)

// An attack is something that a target does to whoever enters it.
type attack struct {
	name  string
	cve   string
	weak  []string                                  // the protections that it meets: a build without one of these is defenceless
	kinds []kind                                    // that it is for; nil: all
	prove []kind                                    // those that can have any success; nil: all
	ways  []way                                     // nil: one-shot and launcher
	tool  bool                                      // nsenter(1) can be attacked alike
	try   func(t *testing.T, s *scene) (won string) // what the attacker has got; empty: nothing
}

// run has the attack fail against the library, and succeed against the build that is weakened.
func (a *attack) run(t *testing.T) {
	t.Helper()
	for _, k := range a.fitting() {
		t.Run(string(k), func(t *testing.T) { a.runBy(t, k) })
	}
	t.Run("weakened", func(t *testing.T) {
		testutil.NeedRoot(t) // who builds it once, and is attacked by all kinds of target
		a.runWeakened(t)
	})
}

func (a *attack) fitting() (fit []kind) {
	if a.kinds == nil {
		return kinds()
	}
	for _, k := range append(kinds(), deniedKind, peerKind, sameKind) {
		for _, other := range a.kinds {
			if k == other {
				fit = append(fit, k)
			}
		}
	}
	return fit
}

func (a *attack) each() []way {
	if a.ways == nil {
		return []way{oneShot, launched}
	}
	return a.ways
}

func (a *attack) runBy(t *testing.T, k kind) {
	t.Helper()
	for _, w := range a.each() {
		t.Run(string(w), func(t *testing.T) {
			won := a.try(t, newScene(t, k, w, callers[""]))
			record(a, k, string(w), won)
			if won != "" {
				t.Errorf("the attacker has won: %s", won)
			}
		})
	}
	if _, err := exec.LookPath("nsenter"); !full || !a.tool || k.hasRuntime() || err != nil {
		return
	}
	t.Run("beside it", func(t *testing.T) {
		record(a, k, string(nsenter1), a.try(t, newScene(t, k, nsenter1, callers[""])))
	})
}

// runWeakened proves that the attack is one.
func (a *attack) runWeakened(t *testing.T) {
	t.Helper()
	for _, weakness := range a.weak {
		t.Run(weakness, func(t *testing.T) { a.runWithout(t, weakness) })
		if !full {
			return // one build is without all of them
		}
	}
}

func (a *attack) runWithout(t *testing.T, weakness string) {
	t.Helper()
	weak := weakened(t, weakness)
	fit := slices.DeleteFunc(a.fitting(), func(k kind) bool {
		return k.hasRuntime() || a.prove != nil && !slices.Contains(a.prove, k) // a runtime adds nothing here
	})
	if !full {
		fit = fit[len(fit)-1:]
	}
	for _, k := range fit {
		for _, w := range a.each() {
			t.Run(string(k)+" "+string(w), func(t *testing.T) {
				won := a.try(t, newScene(t, k, w, weak))
				record(a, k, "weakened", won)
				if won == "" {
					t.Errorf("the attack does not even succeed without the protection %q", weakness)
				}
				t.Logf("won: %s", won)
			})
		}
	}
}
