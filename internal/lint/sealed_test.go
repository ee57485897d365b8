package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// unwatchedSets finds the interfaces that only their own package can implement and whose switches go-check-sumtype does
// not watch. It watches an annotated interface only where the declaration stands alone: inside a group of types the
// annotation is ignored, without a word.
func unwatchedSets(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		if !within(pkg.folder, "domain") {
			continue
		}
		for _, file := range pkg.files {
			for _, decl := range file.syntax.Decls {
				for _, name := range unwatched(decl) {
					breaches = append(breaches, fmt.Sprintf("%s: %s has no //sumtype:decl, or is declared in a group",
						repo.line(file, name.Pos()), name.Name))
				}
			}
		}
	}
	return breaches
}

func unwatched(decl ast.Decl) (names []*ast.Ident) {
	gen, ok := decl.(*ast.GenDecl)
	if !ok || gen.Tok != token.TYPE || gen.Lparen == token.NoPos && isAnnotated(gen.Doc) {
		return nil
	}
	for _, spec := range gen.Specs {
		if spec := spec.(*ast.TypeSpec); isSealed(spec.Type) {
			names = append(names, spec.Name)
		}
	}
	return names
}

func isAnnotated(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return c.Text == "//sumtype:decl" })
}

// isSealed: an interface with an unexported method.
func isSealed(t ast.Expr) bool {
	set, ok := t.(*ast.InterfaceType)
	return ok && slices.ContainsFunc(set.Methods.List, func(m *ast.Field) bool {
		return len(m.Names) == 1 && !m.Names[0].IsExported()
	})
}

// The rule above trusts go-check-sumtype, as make lint calls it, to notice the case that a switch forgets.
func TestAForgottenCaseIsNoticed(t *testing.T) {
	t.Parallel()
	tool, err := exec.Command("go", "tool", "-n", "go-check-sumtype").Output()
	if err != nil {
		t.Fatalf("build go-check-sumtype: %v\n%s", err, stderr(err))
	}
	const sealed = "package bank\n\n// Event is one of two.\n//\n//sumtype:decl\ntype Event interface{ event() }\n\n" +
		"type opened struct{}\ntype closed struct{}\n\nfunc (opened) event() {}\nfunc (closed) event() {}\n\n"
	for name, c := range map[string]struct {
		cases   string
		forgets bool
	}{
		"all cases":          {"case opened:\n\tcase closed:\n", false},
		"one case":           {"case opened:\n", true},
		"one and a default":  {"case opened:\n\tdefault:\n", true},
		"all and the others": {"case opened, closed:\n\tdefault:\n", false},
	} {
		repo := write(t, map[string]string{
			"go.mod":              "module recount\n\ngo 1.26.0\n",
			"domain/bank/bank.go": sealed + "func seen(e Event) {\n\tswitch e.(type) {\n\t" + c.cases + "\t}\n}\n",
		})
		check := exec.Command(strings.TrimSpace(string(tool)), "-default-signifies-exhaustive=false", "./...")
		check.Dir = repo.dir
		out, err := check.CombinedOutput()
		if forgot := err != nil && strings.Contains(string(out), "missing cases for closed"); forgot != c.forgets || !c.forgets && err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
