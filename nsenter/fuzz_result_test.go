//go:build linux && cgo

package nsenter

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// A function's result is its payload's to write: it may be anything, and of any size.
func FuzzResult(f *testing.F) {
	f.Add([]byte("{}\nresult"), []byte("message"), []byte("stack"), 2)
	f.Add([]byte(`{"Err":{"Message":"bm8=","Errnos":[1,-1],"Known":["os.ErrClosed","x"]}}`+"\n"), []byte{0xff}, []byte{}, 0)
	f.Add([]byte("{\"Err\":null}"), []byte{}, []byte{}, -1)
	file, err := newMemory("output")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, output, message, stack []byte, errno int) {
		const maxLine, maxData = 512, 64
		rewrite(t, file, output)
		var out functionOutput
		data, err := readParts(file, &out, maxLine, maxData)
		if err == nil && (len(data) > maxData || !bytes.HasSuffix(output, data)) {
			t.Fatalf("%q has the result %q", output, data)
		}
		if failure := out.Err.fromWire(); failure != nil {
			_ = failure.Error()
			_ = errors.Is(failure, os.ErrClosed)
		}
		checkRoundTrip(t, file, &wireError{Message: message, Stack: stack, Errnos: []int{errno}, Known: []string{"io.EOF"}}, output)
	})
}

// checkRoundTrip: what a function returns is what its caller gets.
func checkRoundTrip(t *testing.T, file *os.File, w *wireError, want []byte) {
	t.Helper()
	rewrite(t, file, nil)
	if err := writeParts(file, functionOutput{Err: w}, want); err != nil {
		t.Fatal(err)
	}
	var out functionOutput
	got, err := readParts(file, &out, maxHeaderLine, maxResult)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%q comes back as %q, %v", want, got, err)
	}
	failure := out.Err.fromWire()
	var e *FuncError
	if !errors.As(failure, &e) || e.Message != string(w.Message) || e.Stack != string(w.Stack) ||
		int(e.Errno) != w.Errnos[0] || !errors.Is(failure, io.EOF) {
		t.Fatalf("%+v comes back as %+v", w, failure)
	}
}

// rewrite makes that the file's content, and its end the place to write to.
func rewrite(t *testing.T, file *os.File, content []byte) {
	t.Helper()
	if err := file.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(content); err != nil {
		t.Fatal(err)
	}
}
