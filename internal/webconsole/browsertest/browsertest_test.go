package browsertest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"recount/internal/webconsole/browsertest"
)

// sound is a page that nothing is wrong with.
const sound = `<!doctype html><html lang="en"><head><title>A page</title><meta name="viewport" content="width=device-width">
<style>:focus-visible, input:focus-within { outline: 3px solid #1f4e8c } .wide { width: 100% }</style></head>
<body><main><h1>A page</h1><p class="wide">Text</p>
<form><label for="n">Name</label> <input id="n"> <input type="datetime-local" aria-label="When"> <button>Go</button></form>
<a href="/">Home</a></main></body></html>`

// TestWhatIsWrongIsFound breaks a page in one way at a time, and expects just that to be found.
func TestWhatIsWrongIsFound(t *testing.T) {
	t.Parallel()
	site := &site{}
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	p := browsertest.Open(t)
	for _, tc := range []struct {
		name, old, new string
		rule           string // of the audit; empty: it finds nothing
		unreachable    string
		overflows      bool
	}{
		{name: "nothing"},
		{name: "a control without a label", old: `<label for="n">Name</label>`, new: "Name", rule: "label"},
		{name: "a button without a name", old: "<button>Go", new: "<button>", rule: "button-name"},
		{name: "low contrast", old: `class="wide"`, new: `style="color:#999"`, rule: "color-contrast"},
		{name: "low contrast in the dark alone", old: ".wide {", new: "@media (prefers-color-scheme: dark) { body { background: #000 } } .wide {", rule: "color-contrast"},
		{name: "no language", old: ` lang="en"`, rule: "html-has-lang"},
		{name: "no landmark", old: "main>", new: "div>", rule: "landmark-one-main"},
		{name: "a table whose heading heads nothing", old: "Text", new: `</p><table><tr><th scope="nonsense">a</th></tr><tr><td>b</td></tr></table><p>`, rule: "scope-attr-valid"},
		{name: "a control that Tab passes over", old: "<button>", new: `<button tabindex="-1">`, unreachable: "Tab never comes to <button"},
		{name: "a control that is none", old: `<p class="wide">`, new: `<p onclick="go()">`, unreachable: "Tab never comes to <p"},
		{name: "a focus that is not to be seen", old: "outline: 3px solid #1f4e8c", new: "outline: none", unreachable: "can't be seen"},
		{name: "a page wider than the window", old: ".wide { width: 100%", new: ".wide { width: 2000px", overflows: true},
	} {
		site.page = strings.ReplaceAll(sound, tc.old, tc.new)
		if tc.old == "" {
			site.page = sound
		}
		p.Scheme("dark")
		p.Window(1280, 800, 2)
		p.Go(server.URL)
		var rules []string
		found := p.Audit()
		for _, v := range found {
			rules = append(rules, v.Rule)
		}
		if tc.rule == "" && len(rules) > 0 || tc.rule != "" && !slices.Contains(rules, tc.rule) {
			t.Errorf("%s: the audit finds %v\n%s", tc.name, rules, browsertest.Report(found))
		}
		faults := strings.Join(p.Unreachable(), "\n")
		if (tc.unreachable == "") != (faults == "") || !strings.Contains(faults, tc.unreachable) {
			t.Errorf("%s: the keyboard finds %q", tc.name, faults)
		}
		if over := p.Overflow(); (over > 0) != tc.overflows {
			t.Errorf("%s: the page is %d pixels too wide", tc.name, over)
		}
	}
}

// site serves one page.
type site struct{ page string }

func (s *site) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, s.page)
}
