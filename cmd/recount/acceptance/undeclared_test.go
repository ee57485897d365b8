package acceptance_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/kafka"
)

// undeclared are the projectors without declared ranges: what nobody may run, and a test must be able to find.
type undeclared struct {
	role.Projectors
	// Slow has ClickHouse answer late, as a busy one does: watermarks never, and inserts answerLate after they were done. With a
	// newer watermark than its group's offset, a view would notice and stop; and who dies between an insert and its answer
	// inserts the same again in another range.
	Slow bool
}

// Flags declares them.
func (u *undeclared) Flags(f *cli.Flags) {
	u.Projectors.Flags(f)
	f.BoolVar(&u.Slow, "slow", false, "reach ClickHouse through one who answers late")
}

func (u *undeclared) open(ctx context.Context, f *role.Foundation) (*role.ViewKeepers, error) {
	u.Without = kafka.GuardDeclare
	if !u.Slow {
		return u.Open(ctx, f)
	}
	to, err := url.Parse(f.Services.ClickHouse)
	if err != nil {
		return nil, err
	}
	slow := answeringLate(to)
	f.OnClose(func() error { slow.Close(); return nil })
	f.Services.ClickHouse = slow.URL
	return u.Open(ctx, f)
}

// answerLate is how long an insert's answer is kept back.
const answerLate = 500 * time.Millisecond

// answeringLate stands before ClickHouse, lets everything through but watermarks, and keeps the answers to inserts back.
func answeringLate(to *url.URL) *httptest.Server {
	forward := httputil.NewSingleHostReverseProxy(to)
	forward.ModifyResponse = func(r *http.Response) error {
		if strings.HasPrefix(r.Request.URL.Query().Get("query"), "INSERT INTO") {
			time.Sleep(answerLate)
		}
		return nil
	}
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
