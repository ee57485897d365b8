package lint

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// breach is a change to a spotless module that one rule, and no other, must notice.
type breach struct {
	promise string
	file    string
	text    string
	wants   string // part of the sentence
}

func breaches() []breach {
	return slices.Concat(importBreaches(), variableBreaches(), textBreaches())
}

func importBreaches() []breach {
	return []breach{
		{pure, "domain/bank/clock.go", `package bank; import _c "time"; const day = 24 * _c.Hour`, "imports time"},
		{pure, "internal/es/ctx.go", `package es; import "context"; type c context.Context`, "imports context"},
		{pure, "internal/partition/dice.go", `package partition; import "math/rand/v2"; func roll() int { return rand.Int() }`, "imports math/rand/v2"},
		{pure, "internal/engine/far.go", `package engine; import "recount/internal/worker"; type w worker.Loop`, "imports ./internal/worker"},
		{pure, "internal/es/hash.go", `package es; import "github.com/cespare/xxhash/v2"; type h xxhash.Digest`, "imports github.com/cespare"},
		{pure, "internal/es/other.go", "//go:build plan9\n\npackage es\n\nimport \"os\"\n\nconst sep = os.PathSeparator", "imports os"},

		{heavy, "internal/worker/poll.go", `package worker; import "github.com/twmb/franz-go/pkg/kgo"; type c kgo.Client`, "belongs to internal/kafka"},
		{heavy, "internal/worker/poll_test.go", `package worker; import "github.com/twmb/franz-go/pkg/kgo"; type c kgo.Client`, "belongs to internal/kafka"},
		{heavy, "internal/kafka/fake.go", `package kafka; import "github.com/twmb/franz-go/pkg/kfake"; type c kfake.Cluster`, "belongs to internal/embedded"},
		{heavy, "internal/kafka/schemas.go", `package kafka; import "github.com/twmb/franz-go/pkg/sr"; type c sr.Client`, "belongs to internal/serde"},
		{heavy, "internal/serde/fast.go", `package serde; import "github.com/cockroachdb/pebble/v2"; type c pebble.DB`, "belongs to internal/statestore/pebble"},
		{heavy, "internal/worker/span.go", `package worker; import "go.opentelemetry.io/otel/trace"; type s trace.Span`, "belongs to internal/telemetry/traces"},
		{heavy, "internal/telemetry/k.go", `package telemetry; import "github.com/twmb/franz-go/plugin/kotel"; type s kotel.Tracer`, "belongs to internal/kafka"},
		{heavy, "internal/statestore/x_test.go", `package statestore_test; import "github.com/ClickHouse/clickhouse-go/v2"; type c clickhouse.Conn`, "belongs to internal/clickhouse"},

		{commands, "internal/worker/top.go", `package worker; import "recount/cmd/tool/demo"; type d demo.Demo`, "imports ./cmd/tool/demo"},
		{commands, "cmd/other/main_test.go", `package main; import "recount/cmd/tool/demo"; type d demo.Demo`, "imports ./cmd/tool/demo"},

		{inTests, "internal/worker/t.go", `package worker; import "testing"; type tb testing.TB`, "imports testing"},
		{inTests, "internal/worker/s.go", `package worker; import "recount/internal/sim"; type s sim.World`, "imports ./internal/sim"},
		{inTests, "internal/worker/e.go", `package worker; import "recount/internal/es/estest"; type c estest.Case`, "imports ./internal/es/estest"},

		{blank, "internal/worker/driver.go", `package worker; import _ "database/sql"`, "database/sql"},

		{noInits, "internal/worker/start.go", "package worker\n\nfunc init() {}", "internal/worker/start.go:3: func init"},
		{noInits, "internal/worker/start_test.go", "package worker\n\nfunc init() {}", "func init"},
	}
}

func variableBreaches() []breach {
	return []breach{
		{constant, "internal/worker/v.go", `package worker; var count int`, "count is not known"},
		{constant, "internal/worker/v.go", `package worker; import "sync"; var once sync.Once`, "once is not known"},
		{constant, "internal/worker/v.go", `package worker; import "sync"; var seen = sync.Map{}`, "seen is not known"},
		{constant, "internal/worker/v.go", `package worker; var shared = new(int)`, "shared is not known"},
		{constant, "internal/worker/v.go", `package worker; var shared = &struct{ n int }{}`, "shared is not known"},
		{constant, "internal/worker/v.go", "package worker\n\n// Table is open to all.\nvar Table = []int{1}", "Table is a table that other"},
		{constant, "internal/worker/v.go", `package worker; var t = []int{1}; func f() { t[0] = 2 }`, "t is written"},
		{constant, "internal/worker/v.go", `package worker; var t = []int{1}; func f() { t[0]++ }`, "t is written"},
		{constant, "internal/worker/v.go", `package worker; var t = []int{1}; func f() { for _, t[0] = range t { } }`, "t is written"},
		{constant, "internal/worker/v.go", `package worker; var t = [1]struct{ n int }{}; func f() *int { return &t[0].n }`, "t is written"},
		{constant, "internal/worker/v.go", `package worker; var t = map[int]int{}; func f() { delete(t, 1) }`, "t is written"},
		{constant, "internal/worker/v.go", `package worker; import "errors"; var errA = errors.New("a"); func f() { errA = nil }`, "errA is written"},
	}
}

func textBreaches() []breach {
	return []breach{
		{sealed, "domain/bank/e.go", `package bank; type event interface{ event() }`, ": event has no"},
		{sealed, "domain/bank/e.go", "package bank\n\ntype (\n\t//sumtype:decl\n\tevent interface{ event() }\n)", ": event has no"},

		{names, "internal/worker/u/utils/u.go", `package utils`, "package utils"},
		{names, "internal/worker/u/types/u.go", `package kinds`, "package types"},
		{names, "internal/worker/helpers_test.go", `package worker`, "helpers_test.go"},

		{size, "internal/worker/long.go", "package worker" + strings.Repeat("\n", linesPerFileMax+1), "has 501 lines"},
		{size, "internal/worker/long.go", "package worker\n\nfunc f() {" + strings.Repeat("\n", linesPerFunctionMax) + "}", "f has 71 lines"},

		{explained, "internal/worker/d.go", `package worker; func Bare() {}`, ": Bare"},
		{explained, "internal/worker/d.go", `package worker; type ( Bare int )`, ": Bare"},
		{explained, "internal/worker/d.go", `package worker; const Bare = 1`, ": Bare"},
		{explained, "internal/worker/d.go", `package worker; func (*Loop) Bare() {}`, ": Bare"},

		{placeless, "README.md", "\nSee `/ho" + "me/ada/notes`.", "README.md:2: "},
		{placeless, "deploy/a.yaml", "path: /ro" + "ot/.cache", "deploy/a.yaml:1: "},
		{placeless, "doc.txt", "\n\n/wo" + "rk/thing", "doc.txt:3: "},
	}
}

// spotless breaks no rule, and comes close to breaking several.
func spotless() map[string]string {
	return map[string]string{
		"go.mod":                      "module recount\n\ngo 1.26.0\n",
		"README.md":                   "Open /rooms/1 of https://example.org/home/page, not C:\\.\n",
		"bin/tool":                    "compiled in /ho" + "me/ada\n",
		"cmd/tool/main.go":            `package main; import "recount/cmd/tool/demo"; type d demo.Demo; func main() {}`,
		"cmd/tool/demo/demo.go":       "package demo\n\n// Demo shows.\ntype Demo int",
		"cmd/other/main.go":           "package main\n\nfunc main() {}",
		"domain/bank/bank.go":         `package bank; import "recount/internal/es"; type e es.Event; func (e) Seen() {}`,
		"domain/bank/events.go":       "package bank\n\n//sumtype:decl\ntype event interface{ event() }\n\ntype seer interface{ Seen() }",
		"domain/bank/bank_test.go":    `package bank; import ("testing"; "time"); var now = time.Now(); func TestIt(t *testing.T) {}`,
		"internal/engine/engine.go":   `package engine; import "github.com/cespare/xxhash/v2"; type h xxhash.Digest`,
		"internal/es/es.go":           "package es\n\n// Event happened.\ntype Event interface{ Seen() }",
		"internal/es/estest/run.go":   "package estest\n\nimport \"testing\"\n\n// Case is a row.\ntype Case struct{ t testing.TB }",
		"internal/kafka/k.go":         `package kafka; import "github.com/twmb/franz-go/pkg/kgo"; type c kgo.Client`,
		"internal/kafka/k_test.go":    `package kafka; import "github.com/twmb/franz-go/pkg/kfake"; type f kfake.Cluster`,
		"internal/partition/p.go":     `package partition; var table = [...]int{1, 2}; func f() int { return table[0] }`,
		"internal/serde/s.go":         `package serde`,
		"internal/sim/s.go":           "package sim\n\nimport \"github.com/twmb/franz-go/pkg/kgo\"\n\n// World is all.\ntype World kgo.Client",
		"internal/statestore/s.go":    "package statestore\n\nimport \"errors\"\n\n// ErrShut is told apart.\nvar ErrShut = errors.New(\"shut\")",
		"internal/worker/loop.go":     "package worker\n\n// Loop turns.\ntype Loop int\n\nfunc (Loop) String() string { return \"\" }\n\nvar _ interface{ String() string } = Loop(0)",
		"internal/worker/files.go":    "package worker\n\nimport \"embed\"\n\n//go:embed *.go\nvar files embed.FS",
		"internal/worker/edge.go":     "package worker\n\nfunc edge() {" + strings.Repeat("\n", linesPerFunctionMax-1) + "}",
		"internal/worker/made.go":     "// Code generated by a tool. DO NOT EDIT.\n\npackage worker" + strings.Repeat("\n", linesPerFileMax),
		"internal/worker/one_test.go": `package worker; import _ "embed"`,
	}
}

func TestEveryRuleNoticesItsBreach(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{}
	for _, b := range breaches() {
		tried[b.promise] = true
		t.Run(b.file, func(t *testing.T) {
			t.Parallel()
			module := spotless()
			module[b.file] = b.text
			got := broken(write(t, module))
			if len(got) != 1 || !strings.Contains(strings.Join(got[b.promise], "\n"), b.wants) {
				t.Errorf("%.200s\nbreaks %v, want only %q with %q", b.text, got, b.promise, b.wants)
			}
		})
	}
	for _, rule := range rules() {
		if !tried[rule.promise] {
			t.Errorf("nothing shows that this rule can fail: %s", rule.promise)
		}
	}
}

func TestTheSpotlessModuleBreaksNoRule(t *testing.T) {
	t.Parallel()
	if got := broken(write(t, spotless())); len(got) != 0 {
		t.Error(slices.Collect(maps.Values(got)))
	}
}

// broken returns what each rule has to say, of those that have.
func broken(repo *repository) map[string][]string {
	all := map[string][]string{}
	for _, rule := range rules() {
		if found := rule.check(repo); len(found) > 0 {
			all[rule.promise] = found
		}
	}
	return all
}

func write(t *testing.T, module map[string]string) *repository {
	t.Helper()
	dir := t.TempDir()
	for name, text := range module {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return load(t, dir)
}
