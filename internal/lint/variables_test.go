package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

func initFunctions(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		for _, file := range pkg.files {
			for _, decl := range file.syntax.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					breaches = append(breaches, fmt.Sprintf("%s: func init", repo.line(file, f.Pos())))
				}
			}
		}
	}
	return breaches
}

// packageVariables passes a package variable that is a constant in all but Go's grammar: an assertion about types, an
// error or a pattern, an embedded file, or an unexported table that no statement of its package writes. It reads
// syntax, not types: a local variable that shares a table's name counts as the table, and a method that changes its
// receiver goes unseen (which is why tables of package sync are refused).
func packageVariables(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		written := pkg.written()
		for _, file := range pkg.files {
			if file.test {
				continue
			}
			for _, v := range variables(file.syntax) {
				if why := v.mutable(written); why != "" {
					breaches = append(breaches, fmt.Sprintf("%s: %s %s", repo.line(file, v.name.Pos()), v.name.Name, why))
				}
			}
		}
	}
	return breaches
}

// variable is one name of a package-level var declaration.
type variable struct {
	name     *ast.Ident
	value    ast.Expr // nil: none, or one call for several names
	embedded bool
}

func variables(file *ast.File) (all []variable) {
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.VAR {
			continue
		}
		for _, spec := range gen.Specs {
			spec := spec.(*ast.ValueSpec)
			for i, name := range spec.Names {
				v := variable{name: name, embedded: hasEmbed(gen.Doc) || hasEmbed(spec.Doc)}
				if len(spec.Values) == len(spec.Names) {
					v.value = spec.Values[i]
				}
				all = append(all, v)
			}
		}
	}
	return all
}

func hasEmbed(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// mutable says why a variable is not a constant; the empty string says that it is one.
func (v variable) mutable(written map[string]bool) string {
	if v.name.Name == "_" || v.embedded {
		return ""
	}
	if written[v.name.Name] {
		return "is written after its declaration"
	}
	switch value := v.value.(type) {
	case *ast.CallExpr:
		if slices.Contains(constantMakers(), dotted(value.Fun)) {
			return ""
		}
	case *ast.CompositeLit:
		if v.name.IsExported() {
			return "is a table that other packages can write to"
		}
		if from, _, _ := strings.Cut(dotted(value.Type), "."); from != "sync" && from != "atomic" {
			return ""
		}
	}
	return "is not known to be constant"
}

// dotted is the text of a plain or a qualified name.
func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return dotted(e.X) + "." + e.Sel.Name
	}
	return ""
}

// written collects the names that a package's statements assign to, in whole or in part, or take the address of.
func (p sourcePackage) written() map[string]bool {
	names := map[string]bool{}
	for _, file := range p.files {
		ast.Inspect(file.syntax, func(n ast.Node) bool {
			for _, target := range targets(n) {
				names[root(target)] = true
			}
			return true
		})
	}
	return names
}

// targets are the expressions that a node writes, or lets others write.
func targets(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		if slices.Contains([]string{"clear", "copy", "delete"}, dotted(n.Fun)) && len(n.Args) > 0 {
			return n.Args[:1]
		}
	}
	return nil
}

// root is the name of the variable that holds what an expression speaks of: t for t.rows[i].
func root(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}
