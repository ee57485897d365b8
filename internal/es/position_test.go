package es_test

import (
	"testing"

	"recount/internal/es"
)

func TestAPositionIsReadAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, p := range []es.Position{{"bank", 3, 1234}, {"a-b_c", 0, 0}, {"shop", 1<<31 - 1, 1<<63 - 1}} {
		if got, err := es.ParsePosition(p.String()); err != nil || got != p {
			t.Errorf("%s is read as %+v, %v", p, got, err)
		}
	}
	for _, text := range []string{
		"", "bank", "bank/3", "bank@3", "/3@4", "bank/-1@4", "bank/3@-1", "bank/03@4", "bank/3@+4", "bank/3@4 ", " bank/3@4x", "bank/2147483648@1",
		"bank/1@9223372036854775808", "bank/1/2@3", "bank/1@2@3",
	} {
		if got, err := es.ParsePosition(text); err == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}
