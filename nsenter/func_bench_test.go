//go:build linux && cgo

package nsenter_test

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"nsexec/internal/testutil"
	"nsexec/ns"
)

func init() {
	zoo["nothing"] = func([]string) error { return nil }
}

// BenchmarkFuncCall compares a call with os/exec of the same program doing nothing, one after the other: "ratio" is
// that of the medians, "exec-ns" what os/exec takes.
func BenchmarkFuncCall(b *testing.B) {
	b.Run("nowhere", func(b *testing.B) { benchmarkCall(b, nil) })
	b.Run("6 namespaces", func(b *testing.B) {
		target := testutil.Target(b, testutil.ContainerTypes)
		benchmarkCall(b, setOf(b, target.PID, ns.Type(target.Types)))
	})
}

func benchmarkCall(b *testing.B, set *ns.Set) {
	env := zooEnv("nothing")
	exe := func() error {
		cmd := exec.Command(zooBinary)
		cmd.Env = env
		return cmd.Run()
	}
	call := func() error {
		_, err := echo.Call(b.Context(), set, nil)
		return err
	}
	var calls, execs []time.Duration
	for b.Loop() {
		execs = append(execs, took(b, exe))
		calls = append(calls, took(b, call))
	}
	b.ReportMetric(float64(median(calls)), "ns/op")
	b.ReportMetric(float64(median(execs)), "exec-ns")
	b.ReportMetric(float64(median(calls))/float64(median(execs)), "ratio")
}

func took(b *testing.B, do func() error) time.Duration {
	b.Helper()
	begun := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begun)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
