package estest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"recount/internal/es"
)

// Complete fails for everything an aggregate declares and no case exercises: a refusal code among the constants in
// source, the folder of the aggregate's package; a command; an event.
func Complete[C, E any](t *testing.T, a es.AggregateType, source fs.FS, cases []Case[C, E]) {
	t.Helper()
	declared, err := Refusals(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, gap := range Gaps(a, declared, cases) {
		t.Error(gap)
	}
}

// Gaps says what a or declared has and no case exercises, and which codes are not in the aggregate's name.
func Gaps[C, E any](a es.AggregateType, declared []es.Refusal, cases []Case[C, E]) (gaps []string) {
	var (
		refused         = map[es.Refusal]bool{}
		asked, happened = map[reflect.Type]bool{}, map[reflect.Type]bool{}
	)
	for _, c := range cases {
		refused[c.Refused] = true
		asked[reflect.TypeOf(c.When)] = true
		for _, e := range c.Then {
			happened[reflect.TypeOf(e)] = true
		}
	}
	for _, code := range declared {
		if !refused[code] {
			gaps = append(gaps, fmt.Sprintf("no case is refused with %s", code))
		}
		if !strings.HasPrefix(string(code), a.Name()+"/") {
			gaps = append(gaps, fmt.Sprintf("refusal %s: codes of this aggregate begin with %q", code, a.Name()+"/"))
		}
	}
	gaps = append(gaps, missing("asks for", a.CommandTypes(), asked)...)
	gaps = append(gaps, missing("gives", a.EventTypes(), happened)...)
	slices.Sort(gaps)
	return gaps
}

func missing(verb string, declared map[string]any, seen map[reflect.Type]bool) (gaps []string) {
	for name, zero := range declared {
		if !seen[reflect.TypeOf(zero)] {
			gaps = append(gaps, fmt.Sprintf("no case %s %s", verb, name))
		}
	}
	return gaps
}

// Refusals returns the constants of type es.Refusal that the Go files of source declare. It reads them from the
// source, because a list kept by hand is what forgets one.
func Refusals(source fs.FS) (codes []es.Refusal, err error) {
	names, err := fs.Glob(source, "*.go")
	if err != nil {
		return nil, fmt.Errorf("listing Go files: %w", err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, fmt.Errorf("reading refusals: %w", err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("reading refusals: %w", err)
		}
		codes = append(codes, refusalsIn(file)...)
	}
	if len(codes) == 0 {
		return nil, fmt.Errorf("no constant of type es.Refusal in %d Go files: is it the folder of the aggregate?", len(names))
	}
	return codes, nil
}

func refusalsIn(file *ast.File) (codes []es.Refusal) {
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if selector, ok := spec.Type.(*ast.SelectorExpr); !ok || selector.Sel.Name != "Refusal" {
			return true
		}
		for _, value := range spec.Values {
			if literal, ok := value.(*ast.BasicLit); ok {
				if code, err := strconv.Unquote(literal.Value); err == nil {
					codes = append(codes, es.Refusal(code))
				}
			}
		}
		return true
	})
	return codes
}
