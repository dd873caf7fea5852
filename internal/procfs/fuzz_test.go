//go:build linux

package procfs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What can be told of the text that a field is made from: a path, or what stands in for one.
var escaper = strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`)

// A mount table of any content is gone through without harm, and whatever paths there are come back as they were.
func FuzzMounts(f *testing.F) {
	f.Add("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n",
		uint64(36), "net:[4026532000]", "/run/netns/blue", true, "rw,hidepid=invisible")
	f.Add("1 0 0:2 / / rw - rootfs  rw\n1 2 3\n\n - - - - - - - - - -", uint64(0), "/a\\040b", "/no-break\u00a0space \n\t\\", false, "")
	f.Fuzz(func(t *testing.T, table string, id uint64, root, path string, shared bool, options string) {
		for m := range mounts(table) {
			if !strings.Contains(table, fmt.Sprint(m.ID)) || len(m.Root)+len(m.Path)+len(m.Type)+len(m.Options) > len(table) {
				t.Fatalf("%+v comes from %q", m, table)
			}
		}
		optional := " "
		if shared {
			optional = " shared:1 "
		}
		want := Mount{ID: id, Root: root, Path: path, Shared: shared, Type: "type", Options: strings.ReplaceAll(options, "\n", "")}
		line := fmt.Sprintf("%d 1 0:1 %s %s rw%s- type source %s\n", id, escaper.Replace(root), escaper.Replace(path), optional, want.Options)
		if got := slices.Collect(mounts(line + line)); !slices.Equal(got, []Mount{want, want}) {
			t.Fatalf("%q is %+v", line, got)
		}
	})
}

var bracketed = regexp.MustCompile(`^:\[[0-9]+\]$`)

// A link that is taken for a namespace's is one to the letter.
func FuzzLink(f *testing.F) {
	for _, text := range []string{"net:[4026531833]", "mnt:[", "user:[1", "pid:[18446744073709551616]", "socket:[4711]", ":[0]", "/path"} {
		f.Add(text, uint64(len(text)))
	}
	f.Fuzz(func(t *testing.T, text string, number uint64) {
		name, inode, err := ParseLink(text)
		if err == nil && (!strings.HasPrefix(text, name) || !bracketed.MatchString(text[len(name):])) {
			t.Fatalf("%q is name %q, inode %d", text, name, inode)
		}
		if strings.Contains(text, ":[") {
			return
		}
		link := fmt.Sprintf("%s:[%d]", text, number)
		if name, inode, err = ParseLink(link); err != nil || name != text || inode != number {
			t.Fatalf("%q is name %q, inode %d: %v", link, name, inode, err)
		}
	})
}

// A field is found wherever it stands, and only at the beginning of a line.
func FuzzStatus(f *testing.F) {
	f.Add("Name:\tcat\nUmask:\t0022\nNSpid:\t7\t1\nSigIgn:\t0000000000001000\n", int32(7), int32(1))
	f.Add("Name:\tNSpid: 5\nNSpid:", int32(1<<31-1), int32(0))
	f.Fuzz(func(t *testing.T, status string, outer, inner int32) {
		value := Field([]byte(status), "NSpid:")
		if value != strings.TrimSpace(value) || strings.Contains(value, "\n") || !strings.Contains(status, value) {
			t.Fatalf("the field is %q", value)
		}
		if numbers, err := parseNumbers(value); err == nil && len(numbers) != len(strings.Fields(value)) {
			t.Fatalf("%q is %v", value, numbers)
		}
		if strings.Contains("\n"+status, "\nNSpid:") {
			return
		}
		line := fmt.Sprintf("NSpid:\t%d\t%d\n", outer, inner)
		for _, whole := range []string{line + status, strings.TrimSuffix(status, "\n") + "\n" + line} {
			got, err := parseNumbers(Field([]byte(whole), "NSpid:"))
			if err != nil || !slices.Equal(got, []int{int(outer), int(inner)}) {
				t.Fatalf("%q has %v, %v", whole, got, err)
			}
		}
	})
}
