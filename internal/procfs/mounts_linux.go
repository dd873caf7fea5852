package procfs

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Mount is a line of a mount table.
type Mount struct {
	ID      uint64
	Root    string // what of its filesystem is mounted: of a namespace, what its link says
	Path    string
	Shared  bool
	Type    string // of the filesystem
	Options string // of that, not of the mount
}

// Mounts goes through the process's mount table.
func (p *Process) Mounts() (iter.Seq[Mount], error) {
	table, err := p.read("mountinfo")
	return mounts(string(table)), err
}

// mounts passes over lines that are none.
func mounts(table string) iter.Seq[Mount] {
	return func(yield func(Mount) bool) {
		for line := range strings.Lines(table) {
			if m, ok := parseMount(strings.TrimSuffix(line, "\n")); ok && !yield(m) {
				return
			}
		}
	}
}

// parseMount takes apart a line such as (proc_pid_mountinfo(5)):
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue
//
// One blank separates two fields. What else Unicode calls white space, such as the no-break space, may stand in a path;
// and a field may be empty, such as the source.
func parseMount(line string) (m Mount, ok bool) {
	const optional, behind = 6, 3 // where they begin; what follows them: type, source, options
	fields := strings.Split(line, " ")
	if len(fields) < optional {
		return m, false
	}
	end := slices.Index(fields[optional:], "-")
	if end < 0 || len(fields) <= optional+end+behind {
		return m, false
	}
	id, err := strconv.ParseUint(fields[0], 10, 64)
	return Mount{
		ID:   id,
		Root: unescape(fields[3]),
		Path: unescape(fields[4]),
		Shared: slices.ContainsFunc(fields[optional:optional+end], func(field string) bool {
			return strings.HasPrefix(field, "shared:")
		}),
		Type:    fields[optional+end+1],
		Options: strings.Join(fields[optional+end+behind:], " "),
	}, err == nil
}

// unescape undoes what the mount table does to blanks, tabs, newlines and backslashes: \040, three octal digits.
func unescape(path string) string { return unescaper.Replace(path) }

var unescaper = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
