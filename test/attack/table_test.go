//go:build linux && cgo

package attack

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
)

// page is where make attack writes what has come of it, between the two marks.
const (
	page      = "../../docs/security.md"
	beginMark = "<!-- attacks -->\n"
	endMark   = "<!-- end of attacks -->\n"
)

// row is what has come of an attack by one kind of target.
type row struct {
	attack *attack
	kind   kind
	cells  map[string]string // by column
}

var rows []*row

// Columns that are no ways of ours.
const weakColumn = "weakened"

// record notes an outcome. Of several that belong into one cell, the worst one for whom the column is about stays.
func record(a *attack, k kind, column, won string) {
	r := rowOf(a, k)
	cell := "blocked"
	switch {
	case won != "":
		cell = "succeeds"
	case column == weakColumn:
		cell = "BLOCKED"
	case column == string(nsenter1):
		cell = "not seen"
	}
	if old := r.cells[column]; old == "" || old == "blocked" || cell == "BLOCKED" {
		r.cells[column] = cell
	}
}

func rowOf(a *attack, k kind) *row {
	for _, r := range rows {
		if r.attack.name == a.name && r.kind == k {
			return r
		}
	}
	r := &row{attack: a, kind: k, cells: map[string]string{}}
	rows = append(rows, r)
	return r
}

var columns = []string{string(oneShot), string(launched), weakColumn, string(nsenter1)}

// outcome is all cells of a row, as the table has them.
func (r *row) outcome() string {
	var cells []string
	for _, column := range columns {
		cell := r.cells[column]
		if cell == "" {
			cell = "–"
		}
		if column == weakColumn && cell != "–" {
			cell += " without `" + strings.Join(r.attack.weak, "`, `") + "`"
		}
		cells = append(cells, cell)
	}
	return strings.Join(cells, " | ")
}

// table has a line for each attack, and more where not all kinds of target fare alike.
func table() string {
	var b strings.Builder
	b.WriteString("| attack | CVE | target | one-shot | launcher | weakened build | nsenter(1) |\n|---|---|---|---|---|---|---|\n")
	var done []*row
	for _, r := range rows {
		if slices.Contains(done, r) {
			continue
		}
		var alike []string
		for _, other := range rows {
			if other.attack.name == r.attack.name && other.outcome() == r.outcome() {
				alike, done = append(alike, string(other.kind)), append(done, other)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.attack.name, r.attack.cve, strings.Join(alike, "; "), r.outcome())
	}
	return b.String()
}

// kept are the lines of a table about attacks that have not been run this time.
func kept(old string) string {
	var b strings.Builder
	for line := range strings.Lines(old) {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		ran := slices.ContainsFunc(rows, func(r *row) bool { return r.attack.name == name })
		if name != "attack" && !strings.HasPrefix(line, "|-") && !ran {
			b.WriteString(line)
		}
	}
	return b.String()
}

// writeTable is for make attack.
func writeTable() error {
	if !full || len(rows) == 0 || os.Getenv("NSEXEC_ATTACK_WRITE") == "" {
		return nil
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, rest, found := bytes.Cut(text, []byte(beginMark))
	old, tail, closed := bytes.Cut(rest, []byte(endMark))
	if !found || !closed {
		return fmt.Errorf("%s has no marks for the table", page)
	}
	text = slices.Concat(head, []byte(beginMark+table()+kept(string(old))+endMark), tail)
	return os.WriteFile(page, text, 0o644)
}
