package ingest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzPost sends the server anything: it never panics, whatever is wrong is a problem, and what is published can be decided.
func FuzzPost(f *testing.F) {
	f.Add(http.MethodPost, "/v1/bank/account/a/deposit", "application/json", "key", `"7"`, "wait=1", "2026-03-01T00:00:00Z", []byte(tenEuros))
	f.Add(http.MethodPost, "/v1/bank/customer/a%2Fb/change-address", "application/json; charset=utf-8", `"key"`, `W/"7"`, `wait="0"`, "", []byte(`{"address":{}}`))
	f.Add(http.MethodGet, "/v1/bank/account/a/commands/k", "", "", "", "", "", []byte(nil))
	f.Add(http.MethodDelete, "/v1//../%00", "a/b; c", "\x00", "*", ",;=\"\\", "0000-00-00T00:00:00Z", []byte("{\"\xff\":[[[["))
	b := newBank(f)
	b.mute = true // a wait is cut by the server's own pace, not by the fuzzer's patience
	s := newServer(f, b, func(c *Config) { c.BodyBytesMax = 1000 })
	close(s.hurry)
	f.Fuzz(func(t *testing.T, method, path, media, key, match, prefer, valid string, body []byte) {
		r, err := http.NewRequest(method, "http://localhost"+path, strings.NewReader(string(body)))
		if err != nil {
			return // the network would not have brought it here
		}
		for name, value := range map[string]string{
			"Content-Type": media, headerCommandID: key, headerVersion: match, headerPrefer: prefer, headerValidAt: valid,
		} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError && method != "" {
			t.Fatalf("a bug: %s", w.Body)
		}
		if w.Code >= http.StatusBadRequest && method != http.MethodHead {
			readAnswer(t, w.Result())
		}
		if s.load.inFlight() != 0 {
			t.Fatal("a request was counted and never left")
		}
	})
}
