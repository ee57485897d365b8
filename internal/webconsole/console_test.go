package webconsole_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"recount/internal/es"
	"recount/internal/webconsole"
	"recount/internal/worker/inspect"
)

const (
	accountPage = "/console/aggregate?type=bank/account&id=acct-1"
	sagaPage    = "/console/saga?type=bank/money_transfer&id=t-1"
)

// asked is a page that is asked for, and what is to be on it.
type asked struct {
	url    string
	change func(*fake)
	status int
	want   []string
	never  []string
}

func pages() map[string]asked {
	return map[string]asked{
		"overview": {"/console", nil, http.StatusOK,
			[]string{"1 thing needs you.", "✓ ok", "✗ down", "ClickHouse can&#39;t be reached", "What to do: start it", "1,234", "None.", `data-refresh="5"`}, nil},
		"overview, all well": {"/console", func(f *fake) { f.overview.Warnings = nil }, http.StatusOK, []string{"Nothing needs you."}, []string{"What to do"}},
		"aggregates": {"/console/aggregates", nil, http.StatusOK,
			[]string{"<option>bank/account</option>", "<option>shop/order</option>", "FundsDeposited", `href="/console/aggregate?id=acct-1&amp;type=bank%2Faccount&amp;version=2"`,
				`href="/console/saga?id=t-1&amp;type=bank%2Fmoney_transfer"`, `href="/console/trace?correlation=k-1"`, "account/insufficient-funds"}, nil},
		"aggregates, none":        {"/console/aggregates", func(f *fake) { f.records = nil }, http.StatusOK, []string{"No event has been recorded yet", "curl --json"}, nil},
		"aggregates, no views":    {"/console/aggregates", away, http.StatusOK, []string{"This part can't be shown now", "ClickHouse is away: start it", `id="id"`}, []string{"No event"}},
		"aggregate":               {accountPage, nil, http.StatusOK, []string{"Version 60 of 60: FundsDeposited", "60 versions", "Older events, from version 10 on", "balance"}, []string{"Version 61"}},
		"aggregate, older events": {accountPage + "&from=10", nil, http.StatusOK, []string{"Version 60 of 60", "AccountOpened", "2026-01-01 00:03:00.000", "(back-dated)"}, []string{"Older events"}},
		"aggregate, a version": {accountPage + "&version=2", nil, http.StatusOK,
			[]string{"Version 2 of 60", `<th scope="row">balance</th><td>0</td><td>20</td><td>● changed</td>`, "1 field changed", "← Version 1", "Version 3 →", `value="2"`}, nil},
		"aggregate, its first version":  {accountPage + "&version=1", nil, http.StatusOK, []string{"beside version 0", "3 fields changed"}, nil},
		"aggregate, before it":          {accountPage + "&version=0", nil, http.StatusOK, []string{"before the first event", "State at version 0"}, []string{"What led to it", "changed"}},
		"aggregate, a moment":           {accountPage + "&at=2026-01-01T00:02:59.999", nil, http.StatusOK, []string{"Version 2 of 60", `value="2026-01-01T00:02:59.999"`}, nil},
		"aggregate, a moment before it": {accountPage + "&at=2025-12-31", nil, http.StatusOK, []string{"Version 0 of 60"}, nil},
		"aggregate, its cause":          {accountPage + "&version=3", nil, http.StatusOK, []string{"nothing is known to have caused it", `href="/console/trace?command=c-3"`, `href="/console/trace?correlation=k-1"`}, nil},
		"aggregate, a saga's doing":     {accountPage + "&version=4", nil, http.StatusOK, []string{"0190-event-of-a-saga", `href="/console/saga?id=t-1&amp;type=bank%2Fmoney_transfer"`}, nil},
		"aggregate, another's doing":    {accountPage + "&version=5", nil, http.StatusOK, []string{`href="/console/trace?command=c-elsewhere"`}, nil},
		"aggregate, no such version":    {accountPage + "&version=61", nil, http.StatusBadRequest, []string{"there is no version", "versions 0 to 60"}, nil},
		"aggregate, no version":         {accountPage + "&version=two", nil, http.StatusBadRequest, []string{"there is no version"}, nil},
		"aggregate, no moment":          {accountPage + "&at=yesterday", nil, http.StatusBadRequest, []string{"is no time"}, nil},
		"aggregate, two questions":      {accountPage + "&version=1&at=2026-01-01", nil, http.StatusBadRequest, []string{"give one of them"}, nil},
		"aggregate, no such page":       {accountPage + "&from=61", nil, http.StatusBadRequest, []string{"time line"}, nil},
		"aggregate nobody wrote":        {"/console/aggregate?type=bank/account&id=Acct-1", nil, http.StatusNotFound, []string{"There is no such account", "taken to the letter", `value="Acct-1"`, "<option selected>bank/account</option>"}, nil},
		"aggregate of no type":          {"/console/aggregate?type=bank/acount&id=a", nil, http.StatusNotFound, []string{"There is no such aggregate", "bank/account, "}, nil},
		"aggregate of no context":       {"/console/aggregate?type=bnak/account&id=a", nil, http.StatusNotFound, []string{"There is no such aggregate"}, nil},
		"aggregate without a question":  {"/console/aggregate", nil, http.StatusNotFound, []string{"There is no such aggregate"}, nil},
		"aggregate, no Kafka":           {accountPage, away, http.StatusServiceUnavailable, []string{"ClickHouse is away: start it", "The overview says which"}, nil},
		"sagas":                         {"/console/sagas", nil, http.StatusOK, []string{"<option>shop/fulfilment</option>", "money_transfer t-1", "needs somebody", "account/not-open"}, nil},
		"sagas, none":                   {"/console/sagas", func(f *fake) { f.instances = nil }, http.StatusOK, []string{"No saga has begun yet"}, nil},
		"sagas, no views":               {"/console/sagas", away, http.StatusOK, []string{"ClickHouse is away", `id="id"`}, nil},
		"saga": {sagaPage, nil, http.StatusOK, []string{
			"compensated, at version", "account/not-open", "refused: account/not-open", "undo_withdraw", "✗ refused", "✓ done", "not reached", "/console/trace?command=bank%2Fmoney_transfer%2Ft-1%2Fwithdraw.0.undo%231",
			`href="/console/aggregate?id=acct-2&amp;type=bank%2Faccount"`, "<svg"}, []string{"data-refresh", "needs somebody"}},
		"saga nobody began":      {"/console/saga?type=bank/money_transfer&id=t-9", nil, http.StatusNotFound, []string{"There is no such instance", "transfer.TransferRequested"}, nil},
		"saga of no name":        {"/console/saga?type=bank/transfers&id=t-1", nil, http.StatusNotFound, []string{"There is no such saga", "bank/money_transfer"}, nil},
		"saga, no Kafka":         {sagaPage, away, http.StatusServiceUnavailable, []string{"ClickHouse is away"}, nil},
		"views":                  {"/console/views", nil, http.StatusOK, []string{"building", "30 %: 12,345 of 40,000", "27,655", "ada on box", "stands still", `aria-label="View account_history, generation 3"`}, nil},
		"views, none":            {"/console/views", func(f *fake) { f.generations = nil }, http.StatusOK, []string{"No view was made yet"}, nil},
		"views, no Kafka":        {"/console/views", func(f *fake) { away(f); f.generations[2].Total = -1 }, http.StatusOK, []string{"is away", "could not be asked", "building"}, []string{"30 %"}},
		"trace of a correlation": {"/console/trace?correlation=k-1", nil, http.StatusOK, []string{"3 records", "FundsDeposited"}, nil},
		"trace of a command":     {"/console/trace?command=c-2", nil, http.StatusOK, []string{"command ID c-2"}, nil},
		"trace of nothing known": {"/console/trace?command=c-9", nil, http.StatusNotFound, []string{"Nothing is known of it", "load the page again"}, nil},
		"trace, to be found":     {"/console/trace", nil, http.StatusOK, []string{`action="/console/trace"`, `name="id"`, `aria-current="page">Traces`}, []string{"records, oldest first"}},
		"trace, by the form":     {"/console/trace?type=correlation&id=+k-1", nil, http.StatusOK, []string{"correlation ID k-1", "3 records"}, nil},
		"trace, of a command":    {"/console/trace?type=command&id=c-2", nil, http.StatusOK, []string{"command ID c-2", "3 records"}, nil},
		"trace, not found":       {"/console/trace?type=command&id=k-1", nil, http.StatusNotFound, []string{"Nothing is known of it", "<option selected>command</option>", `value="k-1"`}, nil},
		"trace, by something":    {"/console/trace?type=color&id=red", nil, http.StatusOK, []string{`name="id"`}, []string{"records, oldest first"}},
		"trace of two":           {"/console/trace?command=a&correlation=b", nil, http.StatusBadRequest, []string{"Which cause is meant?"}, nil},
		"trace, no views":        {"/console/trace?command=c-2", away, http.StatusServiceUnavailable, []string{"ClickHouse is away"}, nil},
		"no page":                {"/console/accounts", nil, http.StatusNotFound, []string{"There is no such page", "/console/accounts"}, nil},
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, tc := range pages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			if tc.change != nil {
				tc.change(f)
			}
			status, page := get(t, newConsole(t, f), tc.url)
			if status != tc.status {
				t.Errorf("status %d, want %d", status, tc.status)
			}
			for _, want := range tc.want {
				if !strings.Contains(page, want) {
					t.Errorf("no %q in\n%s", want, page)
				}
			}
			for _, never := range append(tc.never, "<script>alert", "<img", "ZgotmplZ", "<no value>") {
				if strings.Contains(page, never) {
					t.Errorf("%q in\n%s", never, page)
				}
			}
		})
	}
}

func away(f *fake) { f.err = errors.New("ClickHouse is away: start it") }

// TestWhatOthersWroteIsText: the account's owner and an actor are called as a script is, and an event's data ends a pre.
func TestWhatOthersWroteIsText(t *testing.T) {
	t.Parallel()
	c := newConsole(t, newFake(t))
	for _, url := range []string{
		accountPage, "/console/aggregates", "/console/aggregate?type=bank/account&id=%3Cscript%3Ealert(%22x%22)%3C/script%3E", "/console/trace?correlation=k-1",
		"/console/%3Cscript%3Ealert(1)%3C/script%3E",
	} {
		_, page := get(t, c, url)
		if !strings.Contains(page, "&lt;script&gt;") || strings.Contains(page, "<script>") {
			t.Errorf("%s: the script is not there as text\n%s", url, page)
		}
	}
}

func TestItOnlyShows(t *testing.T) {
	t.Parallel()
	c := newConsole(t, newFake(t))
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodTrace, "NONSENSE"} {
		for _, url := range []string{"/console", "/console/style.css", accountPage, "/console/nowhere"} {
			answer := httptest.NewRecorder()
			c.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, url, nil))
			if answer.Code != http.StatusMethodNotAllowed || answer.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, url, answer.Code, answer.Header().Get("Allow"))
			}
		}
	}
	answer := httptest.NewRecorder()
	c.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodHead, "/console", nil))
	if answer.Code != http.StatusOK {
		t.Errorf("HEAD: %d", answer.Code)
	}
}

func TestEveryAnswerSaysWhatABrowserMayDo(t *testing.T) {
	t.Parallel()
	c := newConsole(t, newFake(t))
	for url, kind := range map[string]string{
		"/console": "text/html; charset=utf-8", "/console/nowhere": "text/html; charset=utf-8", accountPage: "text/html; charset=utf-8",
		"/console/style.css": "text/css; charset=utf-8", "/console/live.js": "text/javascript; charset=utf-8", "/console/icon.svg": "image/svg+xml",
	} {
		answer := httptest.NewRecorder()
		c.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
		h := answer.Header()
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: the policy is %q", url, policy)
		}
		if h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", url, h)
		}
		if isPage := strings.HasPrefix(kind, "text/html"); isPage != (h.Get("Cache-Control") == "no-store") {
			t.Errorf("%s: Cache-Control %q", url, h.Get("Cache-Control"))
		}
		for _, forbidden := range []string{"<style", " style=", "onclick=", "javascript:", "<script>"} { // the policy has no use for them
			if strings.Contains(answer.Body.String(), forbidden) && strings.HasPrefix(kind, "text/html") {
				t.Errorf("%s has %s", url, forbidden)
			}
		}
	}
	if status, _ := get(t, c, "/console/"); status != http.StatusPermanentRedirect {
		t.Errorf("with a slash: %d", status)
	}
}

// TestManyWhoLookAskOnce: the overview asks every service, and must not do so for each of many browsers.
func TestManyWhoLookAskOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	c := newConsole(t, f)
	began := time.Now()
	for range 20 {
		get(t, c, "/console")
	}
	if most := int(time.Since(began)/(2*time.Second)) + 1; f.asked > most {
		t.Errorf("asked %d times, at most %d are needed", f.asked, most)
	}
}

// stuck is a source whose log never answers.
type stuck struct {
	*fake
	reading chan struct{}
}

func (s stuck) History(ctx context.Context, _ string, _ es.AggregateType, _ string) (*inspect.Timeline, error) {
	select {
	case s.reading <- struct{}{}:
	case <-ctx.Done():
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestOthersDoNotWaitForALongHistory: two read, a third is told so when its browser gives up, and the rest goes on.
func TestOthersDoNotWaitForALongHistory(t *testing.T) {
	t.Parallel()
	s := stuck{newFake(t), make(chan struct{})}
	c := newConsole(t, s)
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan int, 3)
	ask := func() {
		answer := httptest.NewRecorder()
		c.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, accountPage, nil))
		ended <- answer.Code
	}
	for range 3 {
		go ask()
	}
	<-s.reading
	<-s.reading
	select {
	case <-s.reading:
		t.Error("three histories are read at once")
	case <-time.After(200 * time.Millisecond): // the third has had its time to come
	}
	if status, _ := get(t, c, "/console/views"); status != http.StatusOK { // which needs no history
		t.Errorf("views: %d", status)
	}
	end()
	for range 3 {
		if status := <-ended; status != http.StatusServiceUnavailable {
			t.Errorf("status %d", status)
		}
	}
}

func TestAConsoleNeedsASource(t *testing.T) {
	t.Parallel()
	if _, err := webconsole.New(webconsole.Config{}); err == nil {
		t.Error("made without a source")
	}
}
