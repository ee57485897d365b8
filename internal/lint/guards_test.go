package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// guardsHeading stands above the table of ARCHITECTURE.md that says of each guard which test finds out when it is missing.
const guardsHeading = "## The guards of exactly-once"

// guardFolders are where guards are that such a table row is owed for.
func guardFolders() []string {
	return []string{"internal/kafka", "internal/clickhouse", "internal/worker"}
}

// TestEveryGuardHasATestThatFailsWithoutIt compares the guards that can be turned off with the table, and the table with the
// tests there are.
func TestEveryGuardHasATestThatFailsWithoutIt(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := guardsOf(load(t, filepath.Join("..", "..")))
	if len(known.guards) < 10 {
		t.Errorf("only %d guards were found: %v", len(known.guards), slices.Sorted(maps.Keys(known.guards)))
	}
	for _, fault := range known.compare(string(text)) {
		t.Error(fault)
	}
	for name, spoil := range map[string]func(string) string{
		"a guard lacks": func(s string) string {
			return strings.ReplaceAll(s, "`kafka.GuardRevokeWaits`", "`kafka.GuardDeclare`")
		},
		"a test is gone": func(s string) string { return strings.ReplaceAll(s, "TestARevokeWaits", "TestARevokeSleeps") },
		"a part of a test is gone": func(s string) string {
			return strings.ReplaceAll(s, "/half without declaring", "/twice without declaring")
		},
		"the table is gone": func(s string) string { return strings.ReplaceAll(s, guardsHeading, "## What guards there are") },
		"a guard that nobody knows": func(s string) string {
			return strings.ReplaceAll(s, "`kafka.GuardDeclare`", "`kafka.GuardDeclare`, `kafka.GuardMoon`")
		},
	} {
		if len(known.compare(spoil(string(text)))) == 0 {
			t.Errorf("%s, and nobody notices", name)
		}
	}
}

// guardsKnown is what the source has.
type guardsKnown struct {
	guards   map[string]bool // "kafka.GuardDeclare": whether a test turns it off
	tests    []string
	literals []string // strings of tests: what parts of them are called
}

func guardsOf(repo *repository) guardsKnown {
	k := guardsKnown{guards: map[string]bool{}}
	used := map[string]bool{}
	for _, pkg := range repo.packages {
		for _, f := range pkg.files {
			switch {
			case f.test:
				k.readTest(f.syntax, pkg.name, used)
			case within(pkg.folder, guardFolders()...):
				for _, name := range declaredGuards(f.syntax) {
					k.guards[path.Base(pkg.folder)+"."+name] = false
				}
			}
		}
	}
	for g := range k.guards {
		k.guards[g] = used[g]
	}
	return k
}

// declaredGuards are the exported constants of a file that are called Guard and something.
func declaredGuards(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					if strings.HasPrefix(n.Name, "Guard") {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// readTest notes a file's tests, strings, and the guards it names.
func (k *guardsKnown) readTest(f *ast.File, pkg string, used map[string]bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			k.tests = append(k.tests, n.Name.Name)
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				k.literals = append(k.literals, s)
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && strings.HasPrefix(n.Sel.Name, "Guard") {
				used[x.Name+"."+n.Sel.Name] = true
			}
		case *ast.Ident:
			if strings.HasPrefix(n.Name, "Guard") {
				used[strings.TrimSuffix(pkg, "_test")+"."+n.Name] = true
			}
		}
		return true
	})
}

// compare returns what is wrong with the table in text.
func (k guardsKnown) compare(text string) (faults []string) {
	_, rest, found := strings.Cut(text, guardsHeading)
	if !found {
		return []string{"ARCHITECTURE.md has no " + guardsHeading}
	}
	table, _, _ := strings.Cut(rest, "\n## ")
	told := map[string]bool{}
	for row := range strings.SplitSeq(table, "\n") {
		if cells := strings.Split(row, "|"); len(cells) == 5 {
			for _, g := range guardsIn(cells[2]) {
				told[g] = true
			}
			faults = append(faults, k.missing(cells[3])...)
		}
	}
	for g, used := range k.guards {
		if !told[g] {
			faults = append(faults, "ARCHITECTURE.md's guards: which test fails without "+g+"?")
		}
		if !used {
			faults = append(faults, "no test turns "+g+" off")
		}
	}
	for g := range told {
		if _, ok := k.guards[g]; !ok {
			faults = append(faults, "ARCHITECTURE.md's guards: there is no "+g)
		}
	}
	return faults
}

// guardsIn are those of a cell, by package: one without a package is of the package before it.
func guardsIn(cell string) (out []string) {
	pkg := ""
	for _, m := range regexp.MustCompile("`(?:([a-z]+)\\.)?(Guard[A-Za-z]+)`").FindAllStringSubmatch(cell, -1) {
		if m[1] != "" {
			pkg = m[1]
		}
		out = append(out, pkg+"."+m[2])
	}
	return out
}

// missing returns the tests of a cell, and their parts, that do not exist. A name may be cut short by three dots.
func (k guardsKnown) missing(cell string) (faults []string) {
	is := func(name string, all []string, short bool) bool {
		return slices.ContainsFunc(all, func(s string) bool { return s == name || short && strings.HasPrefix(s, name) })
	}
	cell = regexp.MustCompile("`[^`]*`").ReplaceAllString(cell, "") // packages
	for _, m := range regexp.MustCompile(`(Test[A-Za-z]+)(…?)`).FindAllStringSubmatch(cell, -1) {
		if !is(m[1], k.tests, m[2] != "") {
			faults = append(faults, fmt.Sprintf("ARCHITECTURE.md's guards: there is no %s", m[0]))
		}
	}
	for _, m := range regexp.MustCompile(`/([^/;:,…]+)(…?)`).FindAllStringSubmatch(cell, -1) {
		if part := strings.TrimSpace(m[1]); !is(part, k.literals, m[2] != "") {
			faults = append(faults, fmt.Sprintf("ARCHITECTURE.md's guards: no test has a part %q", part))
		}
	}
	return faults
}
