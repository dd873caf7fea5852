//go:build linux && cgo

package nsenter_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	addParityZoo(map[string]func([]string) error{
		"listener": func([]string) error {
			l, err := net.FileListener(os.NewFile(3, "listener"))
			if err != nil {
				return err
			}
			fmt.Print(l.Addr())
			return l.Close()
		},
	})
}

// listFiles names each open file of the shell itself, which opens none to find out: the arguments are files that
// may be among them, "null" and "pipe" are what they are, and anything else is "?".
const listFiles = `
fd=0
while [ $fd -lt 1100 ]; do
	if [ -e /proc/self/fd/$fd ]; then
		name="?"
		[ -p /proc/self/fd/$fd ] && name=pipe
		[ /proc/self/fd/$fd -ef /dev/null ] && name=null
		for file; do [ /proc/self/fd/$fd -ef "$file" ] && name=${file##*/}; done
		printf "%d:%s " $fd $name
	fi
	fd=$((fd+1))
done`

// wantFiles asserts which files a payload of these ExtraFiles has open, beside stdin, stdout and stderr.
func wantFiles(t *testing.T, w *way, extra []*os.File, want ...string) {
	t.Helper()
	var names []string
	for _, f := range extra {
		if f != nil {
			names = append(names, f.Name())
		}
	}
	c := w.shell(listFiles, names...)
	*c.ExtraFiles = extra
	out, err := c.Output()
	if err != nil {
		t.Fatal(describe(err))
	}
	want = append([]string{"0:null", "1:pipe", "2:pipe"}, want...)
	if got := strings.TrimSpace(string(out)); got != strings.Join(want, " ") {
		t.Errorf("files are %s, want %s", got, want)
	}
}

// closeInherited marks close-on-exec what the tests themselves were started with: os/exec would pass it on.
func closeInherited() {
	for fd := 3; fd < 1100; fd++ {
		syscall.CloseOnExec(fd)
	}
}

// strayFiles opens some that a program must not get, close-on-exec as all of Go's are.
func strayFiles(t *testing.T) {
	t.Helper()
	for range 50 {
		f, err := os.Open("/")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
}

func TestParityExtraFiles(t *testing.T) {
	dir := openDir(t)
	a, b := openFile(t, filepath.Join(dir, "a"), "a"), openFile(t, filepath.Join(dir, "b"), "b")
	closeInherited()
	everyWay(t, func(t *testing.T, w *way) {
		strayFiles(t)
		wantFiles(t, w, nil)
		wantFiles(t, w, []*os.File{a}, "3:a")
		wantFiles(t, w, []*os.File{a, b, a}, "3:a", "4:b", "5:a")
		wantFiles(t, w, []*os.File{nil, a, nil, nil, b, nil}, "4:a", "7:b")
		wantFiles(t, w, []*os.File{nil, nil})
		many := make([]*os.File, 300) // more than one message carries
		many[0], many[255], many[299] = a, b, a
		wantFiles(t, w, many, "3:a", "258:b", "302:a")
	})
}

// at duplicates a file to a number, so that the numbers in the caller cross those in the payload.
func at(t *testing.T, number int, f *os.File) *os.File {
	t.Helper()
	if err := unix.Dup3(int(f.Fd()), number, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	moved := os.NewFile(uintptr(number), f.Name())
	t.Cleanup(func() { moved.Close() })
	return moved
}

func TestParityExtraFilesCross(t *testing.T) {
	dir := openDir(t)
	var files []*os.File
	for _, name := range []string{"a", "b", "c", "d"} {
		files = append(files, openFile(t, filepath.Join(dir, name), name))
	}
	closeInherited()
	everyWay(t, func(t *testing.T, w *way) {
		for _, number := range [][]int{
			{103, 104, 105, 106}, // far above the payload's
			{203, 202, 201, 200},
			{1003, 204, 1004, 205},
			{104, 103, 106, 105},
		} {
			var extra []*os.File
			for i, n := range number {
				extra = append(extra, at(t, n, files[i]))
			}
			wantFiles(t, w, extra, "3:a", "4:b", "5:c", "6:d")
		}
		// The lowest numbers that the caller itself can have, in every order.
		low := lowFiles(t, files)
		for i := range low {
			rotated := append(append([]*os.File{}, low[i:]...), low[:i]...)
			var want []string
			for n, f := range rotated {
				want = append(want, fmt.Sprintf("%d:%s", 3+n, filepath.Base(f.Name())))
			}
			wantFiles(t, w, rotated, want...)
		}
	})
}

// lowFiles are duplicates of the files at the lowest free numbers, most likely among those that the payload will use.
func lowFiles(t *testing.T, files []*os.File) []*os.File {
	t.Helper()
	var low []*os.File
	for _, f := range files {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		duplicate := os.NewFile(uintptr(fd), f.Name())
		t.Cleanup(func() { duplicate.Close() })
		low = append(low, duplicate)
	}
	return low
}

// A stream may be an extra file too, and stays open in the caller.
func TestParityExtraFileIsStream(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		f := openFile(t, filepath.Join(openDir(t), "f"), "")
		c := w.shell(`echo by 1; echo by 2 >&2; echo by 3 >&3; echo by 4 >&4`)
		*c.Stdout, *c.Stderr, *c.ExtraFiles = f, f, []*os.File{f, f}
		if err := c.Run(); err != nil {
			t.Fatal(err)
		}
		if text, _ := os.ReadFile(f.Name()); string(text) != "by 1\nby 2\nby 3\nby 4\n" {
			t.Errorf("wrote %q", text)
		}
		if _, err := f.Stat(); err != nil {
			t.Error(err)
		}
	})
}

// What a file is does not change on the way: its flags, and that nothing marks it close-on-exec.
func TestParityExtraFileFlags(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		path := writeFile(t, filepath.Join(openDir(t), "f"), "", 0o666)
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var want, got []byte
		for out, way := range map[*[]byte]*way{&want: throughExec, &got: w} {
			c := way.shell(`while read key value; do [ $key = flags: ] && echo $value; done </proc/self/fdinfo/3; exit 0`)
			*c.ExtraFiles = []*os.File{f}
			if *out, err = c.Output(); err != nil {
				t.Fatal(describe(err))
			}
		}
		if len(want) == 0 || string(got) != string(want) {
			t.Errorf("flags are %s, through os/exec %s", got, want)
		}
	})
}

// Programs that are started at the same time get each its own file.
func TestParityExtraFilesRace(t *testing.T) {
	everyWay(t, func(t *testing.T, w *way) {
		var racing sync.WaitGroup
		for range 10 {
			racing.Go(func() {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Error(err)
					return
				}
				defer l.Close()
				f, err := l.(*net.TCPListener).File()
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				c := w.zoo("listener")
				*c.ExtraFiles = []*os.File{f}
				wantOutput(t, c, l.Addr().String())
			})
		}
		racing.Wait()
	})
}
