package lint

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

func purePackages(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		if !within(pkg.folder, pureFolders()...) || isTestOnly(pkg.folder) {
			continue
		}
		for file, imported := range pkg.imports(code) {
			if !isPure(pkg.folder, imported) {
				breaches = append(breaches, fmt.Sprintf("%s imports %s", file.name, imported))
			}
		}
	}
	return breaches
}

func isPure(folder, imported string) bool {
	if local, ok := strings.CutPrefix(imported, "./"); ok {
		return within(local, pureFolders()...) && !isTestOnly(local)
	}
	for excepted, imports := range pureExceptions() {
		if within(folder, excepted) && slices.Contains(imports, imported) {
			return true
		}
	}
	return slices.Contains(pureImports(), imported)
}

func heavyDependencies(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		if within(pkg.folder, trialFolders()...) {
			continue
		}
		for file, imported := range pkg.imports(codeAndTests) {
			dep, heavy := dependencyOf(imported)
			if !heavy || within(pkg.folder, dep.code...) || file.test && within(pkg.folder, dep.tests...) {
				continue
			}
			breaches = append(breaches, fmt.Sprintf("%s imports %s, which belongs to %s",
				file.name, imported, strings.Join(dep.code, " and ")))
		}
	}
	return breaches
}

// dependencyOf finds the row with the longest path that covers an import.
func dependencyOf(imported string) (found dependency, ok bool) {
	for _, dep := range dependencies() {
		if within(imported, dep.path) && len(dep.path) > len(found.path) {
			found, ok = dep, true
		}
	}
	return found, ok
}

func commandsOnTop(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		for file, imported := range pkg.imports(codeAndTests) {
			if command, is := commandOf(imported); is && !within(pkg.folder, command) {
				breaches = append(breaches, fmt.Sprintf("%s imports %s", file.name, imported))
			}
		}
	}
	return breaches
}

// commandOf returns the folder of the command an import is part of: cmd/recount for ./cmd/recount/demo. What lies below
// cmd/internal is part of every command.
func commandOf(imported string) (folder string, is bool) {
	rest, is := strings.CutPrefix(imported, "./cmd/")
	name, _, _ := strings.Cut(rest, "/")
	if name == "internal" {
		return "cmd", is
	}
	return "cmd/" + name, is
}

func testCodeInTests(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		if isTestOnly(pkg.folder) {
			continue
		}
		for file, imported := range pkg.imports(code) {
			local, isLocal := strings.CutPrefix(imported, "./")
			if isLocal && isTestOnly(local) || within(imported, testLibraries()...) {
				breaches = append(breaches, fmt.Sprintf("%s imports %s", file.name, imported))
			}
		}
	}
	return breaches
}

func blankImports(repo *repository) (breaches []string) {
	for _, pkg := range repo.packages {
		for _, file := range pkg.files {
			for _, imp := range file.syntax.Imports {
				if imp.Name != nil && imp.Name.Name == "_" && imp.Path.Value != `"embed"` {
					breaches = append(breaches, fmt.Sprintf("%s imports %s for its side effects",
						repo.line(file, imp.Pos()), imp.Path.Value))
				}
			}
		}
	}
	return breaches
}

type scope bool

const (
	code         scope = false
	codeAndTests scope = true
)

// imports yields each import of the package's files.
func (p sourcePackage) imports(of scope) iter.Seq2[sourceFile, string] {
	return func(yield func(sourceFile, string) bool) {
		for _, file := range p.files {
			if file.test && of == code {
				continue
			}
			for _, imported := range file.imports {
				if !yield(file, imported) {
					return
				}
			}
		}
	}
}
