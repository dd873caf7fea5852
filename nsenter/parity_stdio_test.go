//go:build linux && cgo

package nsenter_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

func init() {
	addParityZoo(map[string]func([]string) error{
		"cat": func([]string) error {
			_, err := io.Copy(os.Stdout, os.Stdin)
			return err
		},
		"yes": func([]string) error {
			for {
				if _, err := os.Stdout.WriteString("y\n"); err != nil {
					return err
				}
			}
		},
	})
}

// A nil stream is /dev/null: it ends at once, and takes everything.
func TestParityNilStreams(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.shell(`for fd in 0 1 2; do [ /proc/self/fd/$fd -ef /dev/null ] || exit 3$fd; done; cat; echo lost`)
		if err := c.Run(); err != nil {
			t.Error(err)
		}
		wantOutput(t, w.zoo("cat"), "")
	})
}

func TestParityReader(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		const text = "two\nlines, the second without an end"
		for name, r := range map[string]io.Reader{
			"string":           strings.NewReader(text),
			"byte by byte":     iotest.OneByteReader(strings.NewReader(text)),
			"data with EOF":    iotest.DataErrReader(strings.NewReader(text)),
			"pipe of the test": readerOf(t, text),
		} {
			t.Run(name, func(t *testing.T) {
				c := w.zoo("cat")
				*c.Stdin = r
				wantOutput(t, c, text)
			})
		}
	})
}

// readerOf is a file that the program reads itself.
func readerOf(t *testing.T, text string) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return r
}

// Files are handed over as they are, with their offset, which is shared; nothing is copied.
func TestParityFiles(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		dir := openDir(t)
		in := openFile(t, filepath.Join(dir, "in"), "skipped, read by the program, left")
		out := openFile(t, filepath.Join(dir, "out"), "")
		if _, err := in.Seek(9, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		c := w.shell(`dd bs=1 count=19 2>/dev/null; echo to stderr >&2`)
		*c.Stdin, *c.Stdout, *c.Stderr = in, out, out
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		if rest, _ := io.ReadAll(in); string(rest) != ", left" {
			t.Errorf("left of stdin is %q", rest)
		}
		if written, _ := os.ReadFile(out.Name()); string(written) != "read by the program"+"to stderr\n" {
			t.Errorf("output is %q", written)
		}
		if _, err := out.WriteString("still open"); err != nil {
			t.Errorf("the caller's file: %v", err)
		}
	})
}

func openFile(t *testing.T, path, text string) *os.File {
	t.Helper()
	writeFile(t, path, text, 0o666)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// Three streams of three kinds, and one file as all three.
func TestParityMixedStreams(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		var stdout bytes.Buffer
		stderr := openFile(t, filepath.Join(openDir(t), "stderr"), "")
		c := w.shell(`cat; echo complaint >&2`)
		*c.Stdin, *c.Stdout, *c.Stderr = strings.NewReader("text"), &stdout, stderr
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		if complaint, _ := os.ReadFile(stderr.Name()); stdout.String() != "text" || string(complaint) != "complaint\n" {
			t.Errorf("stdout %q, stderr %q", &stdout, complaint)
		}
		pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
		defer ours.Close()
		c = w.shell(`read line; echo got $line; echo and stderr >&2`)
		*c.Stdin, *c.Stdout, *c.Stderr = theirs, theirs, theirs
		mustStart(t, c)
		theirs.Close()
		_, _ = io.WriteString(ours, "a line\n")
		if all, err := io.ReadAll(ours); string(all) != "got a line\nand stderr\n" {
			t.Errorf("read %q, %v", all, err)
		}
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// writes counts what it gets, without a lock: one writer for both streams must be written to by one goroutine.
type writes struct {
	io.Writer
	bytes int
}

func (w *writes) Write(p []byte) (int, error) {
	w.bytes += len(p)
	return len(p), nil
}

// uncomparable panics when it is compared, which must not matter.
type uncomparable []io.Writer

func (u uncomparable) Write(p []byte) (int, error) { return u[0].Write(p) }

func TestParityOneWriterForBoth(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		var both writes
		c := w.shell(`i=0; while [ $i -lt 200 ]; do echo out; echo err >&2; i=$((i+1)); done; [ /proc/self/fd/1 -ef /proc/self/fd/2 ]`)
		*c.Stdout, *c.Stderr = &both, &both
		if err := c.Run(); err != nil || both.bytes != 1600 {
			t.Errorf("%d bytes, %v", both.bytes, err)
		}
		var out, err bytes.Buffer
		c = w.shell(`echo out; echo err >&2`)
		*c.Stdout, *c.Stderr = uncomparable{&out}, uncomparable{&err}
		if e := c.Run(); e != nil || out.String() != "out\n" || err.String() != "err\n" {
			t.Errorf("stdout %q, stderr %q, %v", &out, &err, e)
		}
	})
}

// A typed nil is a file that is not there: the program finds the stream closed.
func TestParityNilFile(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.shell(`[ ! -e /proc/self/fd/0 ] && [ ! -e /proc/self/fd/2 ] && echo closed`)
		var none *os.File
		*c.Stdin, *c.Stderr = none, none
		wantOutput(t, c, "closed\n")
	})
}

// An error of copying is Wait's, as it is, unless the program failed.
func TestParityCopyErrors(t *testing.T) {
	reading, writing := errors.New("cannot read"), errors.New("cannot write")
	everyWay(t, func(t *testing.T, w *way) {
		for _, cause := range []error{reading, io.ErrUnexpectedEOF, syscall.EPIPE, os.ErrClosed} {
			c := w.zoo("cat")
			*c.Stdin = iotest.ErrReader(cause)
			if err := c.Run(); err != cause { //nolint:errorlint // not wrapped
				t.Errorf("reader fails with %v: error is %#v", cause, err)
			}
		}
		for _, cause := range []error{writing, io.ErrShortWrite, syscall.EPIPE, os.ErrClosed} {
			c := w.shell(`echo text`)
			*c.Stdout = failingWriter{cause}
			if err := c.Run(); err != cause { //nolint:errorlint // not wrapped
				t.Errorf("writer fails with %v: error is %#v", cause, err)
			}
		}
		c := w.shell(`echo text; exit 3`)
		*c.Stdout = failingWriter{writing}
		wantExit(t, c.Run(), 3)
	})
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// A program whose output nobody takes any more gets SIGPIPE, instead of running for ever.
func TestParityWriterFails(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		c := w.zoo("yes")
		*c.Stdout = failingWriter{io.ErrUnexpectedEOF}
		inTime(t, "a program whose output is not taken", func() {
			if err := c.Run(); err == nil {
				t.Error("it succeeded")
			}
		})
	})
}
