package role

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/cmd/internal/cli"
)

const (
	placing = `{"customer_id":"ada","currency":"EUR","carrier":"post","lines":[{"sku":"book","quantity":3,"unit_price":499,"tax_rate":1000}],` +
		`"ship_to":{"street":"St James's Square 12","city":"London","country":"GB"}}`
	stock = `{"type":"shop.inventory.receive","id":"book","data":{"quantity":2,"reference":"note 1"}}` + "\n" +
		`{"type":"bank.account.open","id":"acct-1","data":` + opening + "}\n" +
		`{"type":"shop.inventory.allocate","id":"book","data":{"order_id":"o-1","line":1,"quantity":"many"}}` + "\n"
)

// TestEveryContextIsServedByItsDeclaration sends to two contexts what their declarations say, by HTTP and from one file.
func TestEveryContextIsServedByItsDeclaration(t *testing.T) {
	t.Parallel()
	s := services(t, false)
	url, f, _ := pipeline(t, s, t.TempDir())
	loadTwoContexts(t, s)
	for _, c := range []struct {
		path, body string
		status     int
		version    int64
		code       string
	}{
		{"shop/inventory/book/allocate", `{"order_id":"o-1","line":1,"quantity":3}`, http.StatusConflict, 1, "inventory/insufficient-stock"},
		{"shop/inventory/book/allocate", `{"order_id":"o-1","line":1,"quantity":2}`, http.StatusOK, 2, ""},
		{"shop/order/o-1/place", placing, http.StatusOK, 1, ""},
		{"shop/order/o-1/pay", `{"amount":1647,"currency":"EUR"}`, http.StatusConflict, 1, "order/not-allocated"},
		{"shop/order/o-2/place", `{"customer_id":"ada"}`, http.StatusUnprocessableEntity, 0, "invalid-field"},
		{"shop/payment/o-1/request", `{"order_id":"o-1","customer_id":"ada","amount":1647,"tax":150,"currency":"EUR"}`, http.StatusOK, 1, ""},
		{"shop/shipment/o-1/arrange", `{"order_id":"o-1","carrier":"post"}`, http.StatusOK, 1, ""},
		// Two customers of one ID, and two accounts that never meet.
		{"shop/customer/ada/block", `{"reason":"r"}`, http.StatusConflict, 0, "customer/not-registered"},
		{"bank/account/acct-1/freeze", `{"reason":"r"}`, http.StatusOK, 2, ""},
		{"shop/account/acct-1/freeze", `{"reason":"r"}`, http.StatusNotFound, 0, "unknown-aggregate"},
	} {
		status, a, _ := call(t, http.MethodPost, url+"/v1/"+c.path, c.body, "Prefer", "wait=20")
		if status != c.status || a.Version != c.version || a.Code != c.code {
			t.Errorf("%s: %d %+v", c.path, status, a)
		}
		if context, _, _ := strings.Cut(c.path, "/"); status == http.StatusOK && !strings.HasPrefix(a.Position, context+"/") {
			t.Errorf("%s: stands at %s", c.path, a.Position)
		}
	}
	for _, c := range f.Contexts {
		if len(f.Codec.CommandTypes(c.Name)) == 0 {
			t.Errorf("nothing can be sent to %s", c.Name)
		}
	}
}

// loadTwoContexts loads a file with commands of both, and one that can't be a command.
func loadTwoContexts(t *testing.T, s cli.Services) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "both.ndjson")
	if err := os.WriteFile(path, []byte(stock), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, progress bytes.Buffer
	in := &cli.Process{Name: "ingest", Log: slog.New(slog.DiscardHandler), Stdout: &out, Stderr: &progress}
	err := With(t.Context(), in, s, func(ctx context.Context, f *Foundation) error {
		_, err := Load{}.Run(ctx, f, in, path)
		return err
	})
	if !strings.Contains(out.String(), "2 commands published") || !strings.Contains(out.String(), "1 lines rejected") {
		t.Fatalf("%v\n%s", err, out.String())
	}
}
