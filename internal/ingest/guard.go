package ingest

import (
	"net/http"
	"strings"
)

// Guard lets requests through to next by the rule that commands are taken by: with tokens, who shows one; without, this
// machine alone, under a name of its own. It is for what people look at beside the API: a browser, which can't be told to
// send a bearer token, asks for a name and a password (HTTP Basic), and the token is the password.
//
// Which commands a policy lets a token send says nothing of what it may read: each that is known may read all.
func Guard(tokens *Tokens, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, p := identify(tokens, r)
		if _, password, given := r.BasicAuth(); given && tokens != nil {
			if _, known := tokens.actor(strings.TrimSpace(password)); known {
				p = nil
			}
		}
		if p == nil {
			next.ServeHTTP(w, r)
			return
		}
		if p.Status == http.StatusUnauthorized {
			w.Header().Add("WWW-Authenticate", `Basic realm="recount: the password is a token", charset="UTF-8"`)
			w.Header().Add("WWW-Authenticate", `Bearer realm="recount"`)
		}
		http.Error(w, p.Detail, p.Status)
	})
}
