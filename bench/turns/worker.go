//go:build linux

package turns

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Worker is another process that takes turns: for each line on its stdin it does what that names, once, and prints how
// many nanoseconds that took. Its first line, an empty one, says that it is ready.
type Worker struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// StartWorker returns when the worker is ready.
func StartWorker(program string, arg ...string) (*Worker, error) {
	w := &Worker{cmd: exec.Command(program, arg...)}
	w.cmd.Stderr = os.Stderr
	in, err := w.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w.in, w.out = in, bufio.NewReader(out)
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	if _, err := w.out.ReadString('\n'); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, w.end(err))
	}
	return w, nil
}

// Contender is what the worker does when it is told this way.
func (w *Worker) Contender(name, way string) *Contender {
	return &Contender{Name: name, Timed: func() (time.Duration, error) {
		if _, err := fmt.Fprintln(w.in, way); err != nil {
			return 0, w.end(err)
		}
		line, err := w.out.ReadString('\n')
		if err != nil {
			return 0, w.end(err)
		}
		ns, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		return time.Duration(ns), err
	}}
}

// Close ends the worker.
func (w *Worker) Close() { _ = w.end(nil) }

func (w *Worker) end(cause error) error {
	_ = w.in.Close()
	if err := w.cmd.Wait(); err != nil {
		return err
	}
	return cause
}

// Serve is a worker's part: it does what it is told on stdin until that ends.
func Serve(ways map[string]func() error) error {
	fmt.Println()
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		run := ways[lines.Text()]
		if run == nil {
			return fmt.Errorf("no way is called %q", lines.Text())
		}
		begun := time.Now()
		if err := run(); err != nil {
			return fmt.Errorf("%s: %w", lines.Text(), err)
		}
		fmt.Println(time.Since(begun).Nanoseconds())
	}
	return lines.Err()
}
