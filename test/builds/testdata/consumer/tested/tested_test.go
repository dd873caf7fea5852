package tested

import (
	"testing"

	"consumer/join"
)

func TestJoin(t *testing.T) {
	if got := join.Report(); got != "joined" {
		t.Error(got)
	}
}
