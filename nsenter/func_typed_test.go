//go:build linux && cgo

package nsenter_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"nsexec/ns"
	"nsexec/nsenter"
)

type letter struct {
	Text  string
	Pages map[string][]int
	Reply *letter
}

var answer = nsenter.Register("answer", func(_ context.Context, l letter) (letter, error) {
	if l.Text == "" {
		return l, syscall.ENODATA
	}
	return letter{Text: strings.ToUpper(l.Text), Pages: l.Pages, Reply: &l}, nil
})

var divide = nsenter.Register("divide", func(_ context.Context, by float64) (float64, error) { return 1 / by, nil })

var takeChannel = nsenter.Register("take channel", func(context.Context, chan int) (int, error) { return 7, nil })

var returnPicky = nsenter.Register("return picky", func(_ context.Context, in int) (picky, error) { return picky(in), nil })

// picky goes, and does not come.
type picky int

var errPicky = errors.New("not that one")

func (p *picky) UnmarshalJSON([]byte) error { return errPicky }

func TestTypedFunc(t *testing.T) {
	everywhere(t, func(t *testing.T, set *ns.Set) {
		in := letter{Text: "dear", Pages: map[string][]int{"a": {1, 2}, "": nil}}
		got, err := answer.Call(t.Context(), set, in)
		if want := (letter{"DEAR", in.Pages, &in}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	})
}

func TestTypedFuncFails(t *testing.T) {
	got, err := answer.Call(t.Context(), nil, letter{Pages: map[string][]int{"a": nil}})
	wantIs(t, err, syscall.ENODATA)
	if !reflect.DeepEqual(got, letter{}) {
		t.Errorf("it returned %+v as well", got)
	}
}

func TestTypedFuncInputThatIsNone(t *testing.T) {
	_, err := takeChannel.Call(t.Context(), nil, make(chan int))
	var unsupported *json.UnsupportedTypeError
	if !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "encode input of take channel") {
		t.Errorf("error is %v", err)
	}
	for _, raw := range []string{"", "{", `{"Text":7}`, "null and more"} {
		if _, err := answer.Func.Call(t.Context(), nil, []byte(raw)); err == nil || !strings.Contains(err.Error(), "decode input of answer") {
			t.Errorf("input %q: %v", raw, err)
		}
	}
}

func TestTypedFuncOutputThatIsNone(t *testing.T) {
	_, err := divide.Call(t.Context(), nil, 0)
	var e *nsenter.FuncError
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "encode output of divide") {
		t.Errorf("error is %v", err)
	}
	if out, err := divide.Call(t.Context(), nil, math.MaxFloat64); err != nil || out == 0 {
		t.Errorf("%v, %v", out, err)
	}
	_, err = returnPicky.Call(t.Context(), nil, 1)
	wantIs(t, err, errPicky)
	if err != nil && !strings.Contains(err.Error(), "decode output of return picky") {
		t.Errorf("error is %v", err)
	}
}
