//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"nsexec/ns"
	"nsexec/nsenter"
)

var echo = nsenter.NewFunc("echo", func(_ context.Context, in []byte) ([]byte, error) { return in, nil })

var returnNil = nsenter.NewFunc("return nil", func(context.Context, []byte) ([]byte, error) { return nil, nil })

// patterned is bytes of which none can go missing or change places unseen.
func patterned(size int) []byte {
	b := make([]byte, size)
	for i := 0; i+4 <= size; i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = byte(i>>2), byte(i>>10), byte(i>>18), byte(i>>26)
	}
	return b
}

func TestFuncResultOfAnySize(t *testing.T) {
	for _, size := range []int{0, 1, 4096, 64 << 10, 64<<10 + 1, 1 << 20, 64 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			in := patterned(size)
			out, err := echo.Call(t.Context(), nil, in)
			if err != nil || !bytes.Equal(in, out) {
				t.Errorf("%d bytes (%x) became %d (%x): %v", size, crc32.ChecksumIEEE(in), len(out), crc32.ChecksumIEEE(out), err)
			}
		})
	}
}

func TestFuncResultFromEverywhere(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		in := patterned(1 << 20)
		out, err := echo.Call(t.Context(), set, in)
		if err != nil || !bytes.Equal(in, out) {
			t.Errorf("%d bytes became %d: %v", len(in), len(out), err)
		}
	})
}

// Whoever has cloned the payload may say so when the function runs already: a launcher that had to wait for a processor.
func TestFuncResultAfterALateWord(t *testing.T) {
	if heard, err := nsenter.ResultHeard(); !heard || err != nil {
		t.Errorf("heard of it: %v, %v", heard, err)
	}
}

// Neither bytes that look like the header, nor none, are taken for something else.
func TestFuncResultIsOnlyBytes(t *testing.T) {
	for _, in := range []string{"", "\n", "{}\n", "\x00", `{"Err":{"Message":"no"}}` + "\n", "I", "\xff\xfe"} {
		out, err := echo.Call(t.Context(), nil, []byte(in))
		if err != nil || string(out) != in {
			t.Errorf("%q became %q: %v", in, out, err)
		}
	}
}

func TestFuncReturnsNothing(t *testing.T) {
	cmd := returnNil.Command(t.Context(), nil, nil)
	if out := resultOf(t, cmd); len(out) != 0 {
		t.Errorf("result is %q", out)
	}
	if !cmd.ProcessState.Success() {
		t.Errorf("it ended with %v", cmd.ProcessState)
	}
}

func TestFuncResultAgain(t *testing.T) {
	cmd := echo.Command(t.Context(), nil, []byte("one"))
	resultOf(t, cmd)
	if out, err := cmd.Result(); string(out) != "one" || err != nil {
		t.Errorf("the second Result is %q, %v", out, err)
	}
}

// The set, and what the input was made of, are the caller's again after Start.
func TestFuncInputMayChangeAfterStart(t *testing.T) {
	in := []byte("before")
	cmd := echo.Command(t.Context(), nil, in)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	copy(in, "AFTER!")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.Result(); string(out) != "before" || err != nil {
		t.Errorf("result is %q, %v", out, err)
	}
}

func TestFuncsAtTheSameTime(t *testing.T) {
	const calls = 40
	errs := make(chan error, calls)
	for i := range calls {
		go func() {
			want := fmt.Sprint(i)
			out, err := echo.Call(t.Context(), nil, []byte(want))
			if err == nil && string(out) != want {
				err = fmt.Errorf("result of %s is %q", want, out)
			}
			errs <- err
		}()
	}
	for range calls {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

var tooMuch = nsenter.NewFunc("too much", func(context.Context, []byte) ([]byte, error) {
	return make([]byte, 1<<30+1), nil
})

func TestFuncResultThatIsTooLong(t *testing.T) {
	if out, err := tooMuch.Call(t.Context(), nil, nil); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

// A payload can give its output any size, and say anything in it.
func TestFuncOutputIsNotBelieved(t *testing.T) {
	for text, size := range map[string]int64{"": 1 << 40, "{}": 1 << 40, "{}\n": 1000} {
		n, err := nsenter.ReadPartsOf(text, size)
		if tooLong := text != "{}\n"; tooLong == (err == nil) || n > 1000 {
			t.Errorf("%q, %d bytes: %d, %v", text, size, n, err)
		}
	}
}
