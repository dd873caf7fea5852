package kernel

import "testing"

func TestOnlyConclusiveAnswersAreRemembered(t *testing.T) {
	answers := []Answer{Unknown, Unknown, No, Yes}
	tried := 0
	p := &Probe{Try: func() Answer { tried++; return answers[tried-1] }}
	for i, want := range []Answer{Unknown, Unknown, No, No, No} {
		if got := p.Ask(); got != want {
			t.Errorf("question %d: %v, want %v", i, got, want)
		}
	}
	if tried != 3 {
		t.Errorf("tried %d times, want 3", tried)
	}
	restore := p.Force(Yes)
	if !p.Has() {
		t.Error("forced answer is not given")
	}
	restore()
	if p.Has() {
		t.Error("forced answer stays")
	}
}
