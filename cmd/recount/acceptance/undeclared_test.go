package acceptance_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/kafka"
)

// undeclared are the projectors without declared ranges: what nobody may run, and a test must be able to find.
type undeclared struct {
	role.Projectors
	// MarksHeld keeps the watermarks from being written until the process dies, as a slow ClickHouse might. With a newer
	// watermark than its group's offset, a view would notice and stop.
	MarksHeld bool
}

// Flags declares them.
func (u *undeclared) Flags(f *cli.Flags) {
	u.Projectors.Flags(f)
	f.BoolVar(&u.MarksHeld, "marks-held", false, "write no watermarks")
}

func (u *undeclared) open(ctx context.Context, f *role.Foundation) (*role.ViewKeepers, error) {
	u.Without = kafka.GuardDeclare
	if !u.MarksHeld {
		return u.Open(ctx, f)
	}
	to, err := url.Parse(f.Services.ClickHouse)
	if err != nil {
		return nil, err
	}
	held := holdMarks(to)
	f.OnClose(func() error { held.Close(); return nil })
	f.Services.ClickHouse = held.URL
	return u.Open(ctx, f)
}

// holdMarks stands before ClickHouse and lets everything through but watermarks.
func holdMarks(to *url.URL) *httptest.Server {
	forward := httputil.NewSingleHostReverseProxy(to)
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {
		panic(http.ErrAbortHandler) // a ClickHouse that has died is a connection that breaks
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Query().Get("query"), "INSERT INTO watermark_rows") {
			<-r.Context().Done()
			return
		}
		r.Host = to.Host
		forward.ServeHTTP(w, r)
	}))
}
