package rebuild

import (
	"strings"
	"testing"

	"recount/internal/es"
)

// testUnplaced has a view whose rows do not tell where they came from.
func testUnplaced(t *testing.T, w *world) {
	type total struct {
		Account string `ch:"account"`
		Version uint64 `ch:"version"`
	}
	cfg := w.config(first())
	cfg.Projector.Contexts[0].Views[1].Tables = []es.AnyTable{es.NewTable[total]("totals")}
	if _, err := w.rebuild(cfg, Options{}, plain); err == nil || !strings.Contains(err.Error(), "table totals of view plain has no columns context") {
		t.Errorf("got %v", err)
	}
	if _, err := w.rebuild(cfg, Options{}, "unheard"); err == nil || !strings.Contains(err.Error(), `no view "unheard"; there are: [ledger plain]`) {
		t.Errorf("got %v", err)
	}
}
