package nsenter

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
)

// functionCall is what passes between a caller and a function in its payload:
// two files without a name, written by one end before the other one reads.
// They can be of any size, and nobody waits for anybody.
//
//	input	functionInput as a line of JSON, then the bytes
//	output	functionOutput as a line of JSON, then the bytes
type functionCall struct {
	fn *Func
	in []byte

	input, output, stderr *os.File

	heard   chan struct{} // closed when done is settled
	mu      sync.Mutex
	control *os.File // to the payload: NSENTER_CANCEL goes down, its end tells that there is a result
	done    bool     // the function has returned

	result []byte // after the payload's end
	err    error
}

// functionInput is what a payload must know before it runs the function.
type functionInput struct {
	Name string
	// Args and Env are separated by NULs: JSON's strings cannot hold any bytes.
	Args []byte
	Env  []byte
	// DevNull is the fd that becomes stderr before the function runs, or zero.
	DevNull int
	// Timeout is what is left until the context's deadline, or zero: clocks in a
	// new time namespace are not ours.
	Timeout time.Duration
}

// functionOutput is what the function has returned beside its bytes.
type functionOutput struct {
	Err *wireError `json:",omitempty"`
}

// writeParts writes a line of JSON and the bytes.
func writeParts(w io.Writer, header any, data []byte) error {
	line, err := json.Marshal(header)
	if err != nil {
		return err
	}
	if _, err := w.Write(append(line, '\n')); err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}

// The most that a caller reads of a result: whoever has got hold of the payload
// can give the output any size. An error's text may have 1 MiB, and so may its stack.
const (
	maxErrorText  = 1 << 20
	maxHeaderLine = 4 << 20
	maxResult     = 1 << 30
	noLimit       = math.MaxInt64 - 1
)

// readParts reads what writeParts has written, from the start.
func readParts(f *os.File, header any, maxLine, maxData int64) ([]byte, error) {
	line, err := bufio.NewReader(io.NewSectionReader(f, 0, maxLine)).ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if err := json.Unmarshal(line, header); err != nil {
		return nil, err
	}
	data, err := readFrom(f, int64(len(line)), maxData)
	if err == nil && int64(len(data)) > maxData {
		return nil, errTooLong
	}
	return data, err
}

// readFrom reads from there on, but no more than one byte above the most. It
// makes room for all of it at once: growing would copy and fault in several
// times as much.
func readFrom(f *os.File, start, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(int(min(max(info.Size()-start, 0), most)) + bytes.MinRead)
	_, err = b.ReadFrom(io.NewSectionReader(f, start, most+1))
	return b.Bytes(), err
}

var errTooLong = fmt.Errorf("nsenter: the result has more than %d bytes", maxResult)

var errNoResult = errors.New("nsenter: get result: the function's payload has ended without one")

// read takes the result out of the output.
func (f *functionCall) read() ([]byte, error) {
	var out functionOutput
	data, err := readParts(f.output, &out, maxHeaderLine, maxResult)
	if err != nil {
		return nil, errors.Join(errNoResult, err)
	}
	if err := out.Err.fromWire(); err != nil {
		return nil, err
	}
	return data, nil
}

// end is called after the payload's end. It reports whether there is a result:
// then it does not matter how the payload has ended.
func (f *functionCall) end() (returned bool) {
	if f == nil {
		return false
	}
	f.awaitHeard()
	f.result, f.err = nil, errNoResult
	if f.done {
		f.result, f.err = f.read()
	}
	f.close()
	return f.done
}

// awaitHeard gives the watcher a second to hear what the payload has said last.
// A process that the function has left behind may hold the other end open.
func (f *functionCall) awaitHeard() {
	select {
	case <-f.heard:
	case <-time.After(functionGrace):
		f.control.Close()
		<-f.heard
	}
}

// close gives up the files.
func (f *functionCall) close() {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, file := range []*os.File{f.input, f.output, f.stderr, f.control} {
		if file != nil {
			file.Close()
		}
	}
}

// tail is the end of what a payload said on stderr before its function ran.
func (f *functionCall) tail() string {
	const size = 1 << 10
	if f.stderr == nil {
		return ""
	}
	info, err := f.stderr.Stat()
	if err != nil {
		return ""
	}
	b, _ := io.ReadAll(io.NewSectionReader(f.stderr, max(0, info.Size()-size), size))
	return printable(string(b))
}

// printable is a text of lines from which nothing can control a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
