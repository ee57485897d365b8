package lint

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// repository is the source of one module.
type repository struct {
	dir      string
	packages []sourcePackage
	fset     *token.FileSet
}

// sourcePackage is one folder of source, with the tests beside it.
type sourcePackage struct {
	folder string // from the module's root, with slashes; "." is the root itself
	name   string
	files  []sourceFile
}

type sourceFile struct {
	name    string // from the module's root, with slashes
	test    bool
	syntax  *ast.File
	imports []string // packages of the module itself without the module's path, behind a dot: "./internal/es"
}

// listed is what we ask of go list.
type listed struct {
	Dir, ImportPath, Name                                        string
	Module                                                       struct{ Path string }
	GoFiles, CgoFiles, IgnoredGoFiles, TestGoFiles, XTestGoFiles []string
}

// load reads the module in dir. go list says which packages there are; imports are taken from the files, so that what
// a build tag leaves out on this machine obeys the rules all the same.
func load(t *testing.T, dir string) *repository {
	t.Helper()
	absolute, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	repo := &repository{dir: absolute, fset: token.NewFileSet()}
	// -find: do not load what is imported. The tags make packages appear that have files under them alone.
	list := exec.Command("go", "list", "-find", "-e", "-tags=synctests,soak", "-json=Dir,ImportPath,Name,Module,"+
		"GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles", "./...")
	list.Dir = absolute
	out, err := list.Output()
	if err != nil {
		t.Fatalf("list the module's packages: %v\n%s", err, stderr(err))
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return repo
		} else if err != nil {
			t.Fatalf("read what go list printed: %v", err)
		}
		repo.packages = append(repo.packages, repo.parse(t, l))
	}
}

func stderr(err error) []byte {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.Stderr
	}
	return nil
}

func (r *repository) parse(t *testing.T, l listed) sourcePackage {
	t.Helper()
	folder := path.Clean("./" + strings.TrimPrefix(l.ImportPath, l.Module.Path))
	pkg := sourcePackage{folder: folder, name: l.Name}
	for _, name := range slices.Concat(l.GoFiles, l.CgoFiles, l.IgnoredGoFiles, l.TestGoFiles, l.XTestGoFiles) {
		syntax, err := parser.ParseFile(r.fset, filepath.Join(l.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		file := sourceFile{name: path.Join(folder, name), test: strings.HasSuffix(name, "_test.go"), syntax: syntax}
		for _, imp := range syntax.Imports {
			file.imports = append(file.imports, localImport(l.Module.Path, strings.Trim(imp.Path.Value, "`\"")))
		}
		pkg.files = append(pkg.files, file)
	}
	return pkg
}

func localImport(module, imported string) string {
	if rest, local := strings.CutPrefix(imported, module+"/"); local {
		return "./" + rest
	}
	return imported
}

// within reports whether a folder, or an import path, is one of these or lies below one.
func within(folder string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return folder == f || strings.HasPrefix(folder, f+"/") })
}

// isTestOnly: a package of trials, or one that helps tests: named after what it tests, like httptest.
func isTestOnly(folder string) bool {
	return within(folder, trialFolders()...) || strings.HasSuffix(folder, "test")
}

// line says where in the repository something stands, for people.
func (r *repository) line(f sourceFile, at token.Pos) string {
	position := r.fset.Position(at)
	position.Filename = f.name
	position.Column = 0
	return position.String()
}
