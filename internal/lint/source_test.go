package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

func vagueness(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		for _, name := range []string{pkg.name, path.Base(pkg.folder)} {
			if slices.Contains(vagueNames(), name) {
				breaches = append(breaches, fmt.Sprintf("package %s in %s", name, pkg.folder))
				break
			}
		}
		for _, file := range pkg.files {
			name := strings.TrimSuffix(strings.TrimSuffix(path.Base(file.name), ".go"), "_test")
			if slices.Contains(vagueNames(), name) {
				breaches = append(breaches, "file "+file.name)
			}
		}
	}
	return breaches
}

func lengths(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		for _, file := range pkg.files {
			if ast.IsGenerated(file.syntax) {
				continue
			}
			if lines := repo.fset.File(file.syntax.FileStart).LineCount(); lines > linesPerFileMax {
				breaches = append(breaches, fmt.Sprintf("%s has %d lines, more than %d", file.name, lines, linesPerFileMax))
			}
			for _, decl := range file.syntax.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if lines := repo.lines(f); lines > linesPerFunctionMax {
					breaches = append(breaches, fmt.Sprintf("%s: %s has %d lines, more than %d",
						repo.line(file, f.Pos()), f.Name.Name, lines, linesPerFunctionMax))
				}
			}
		}
	}
	return breaches
}

func (r *repository) lines(n ast.Node) int {
	return r.fset.Position(n.End()).Line - r.fset.Position(n.Pos()).Line + 1
}

// missingComments wants a comment on each exported name that another package can see. The members of a group may share
// the group's comment.
func missingComments(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		if pkg.name == "main" {
			continue
		}
		for _, file := range pkg.files {
			if file.test || ast.IsGenerated(file.syntax) {
				continue
			}
			for _, decl := range file.syntax.Decls {
				for _, name := range unexplained(decl) {
					breaches = append(breaches, fmt.Sprintf("%s: %s", repo.line(file, name.Pos()), name.Name))
				}
			}
		}
	}
	return breaches
}

func unexplained(decl ast.Decl) []*ast.Ident {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Doc == nil && decl.Name.IsExported() && !isPlainMethod(decl) {
			return []*ast.Ident{decl.Name}
		}
	case *ast.GenDecl:
		return unexplainedSpecs(decl)
	}
	return nil
}

// isPlainMethod: a method of an unexported type can only be met through an interface, which explains it.
func isPlainMethod(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return false
	}
	receiver := root(f.Recv.List[0].Type)
	return !ast.IsExported(receiver) || slices.Contains(plainMethods(), f.Name.Name)
}

func unexplainedSpecs(decl *ast.GenDecl) (names []*ast.Ident) {
	shared := decl.Doc != nil && (decl.Tok != token.TYPE || decl.Lparen == token.NoPos)
	if shared {
		return nil
	}
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && spec.Doc == nil && spec.Comment == nil {
				names = append(names, spec.Name)
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if name.IsExported() && spec.Doc == nil && spec.Comment == nil {
					names = append(names, name)
				}
			}
		}
	}
	return names
}
