package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"recount/internal/embedded/libfetch"
)

// axe pins axe-core, which looks for what keeps people out of a page.
func axe() libfetch.Source {
	return libfetch.Source{
		Package: "axe-core", Version: "4.14.1",
		SHA256: "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745",
		Member: "package/axe.min.js", MemberBytes: 653_780,
		Advice: "the tests of the console's pages need it: see that npm reaches its registry",
	}
}

// axeSource is axe-core's script.
func axeSource(t testing.TB) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path, err := axe().Locate(context.Background(), filepath.Join(cache, "recount", "axe-core"), func(message string) { t.Log(message) })
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// Violation is something that keeps people out.
type Violation struct {
	// Rule is axe-core's name for it: "label", "color-contrast".
	Rule string `json:"rule"`
	// Where is the element, and Why what is wrong with it.
	Where string `json:"where"`
	Why   string `json:"why"`
}

// Audit holds the page against WCAG 2.2, levels A and AA, and against what axe-core calls best practices.
func (p *Page) Audit() []Violation {
	p.t.Helper()
	Eval[any](p, axeSource(p.t)+"; null")
	return Eval[[]Violation](p, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(found =>
		found.violations.flatMap(v => v.nodes.map(n => ({rule: v.id, where: n.html, why: n.failureSummary}))))`)
}

// stop is where the focus is.
type stop struct {
	Index int    `json:"index"` // among the page's controls; -1: on none
	Name  string `json:"name"`
	Seen  bool   `json:"seen"` // there is something to see of it
}

// controls lists what can be used on the page: what is hidden or disabled is not among them.
const controls = `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0'], [onclick]")]
	.filter(e => !e.disabled && e.getClientRects().length > 0)`

// stopsMax bounds how often Tab is pressed.
const stopsMax = 1000

// Unreachable presses Tab through the page, from its beginning to its end, and returns the controls that never had the focus,
// and those that had it without anything to be seen of it.
func (p *Page) Unreachable() (faults []string) {
	p.t.Helper()
	// What had the focus last is where Tab goes on from, even if that was taken away: so it is taken to the beginning first.
	names := Eval[[]string](p, `(() => { window.controls = `+controls+`; const first = document.createElement("span");
		first.tabIndex = -1; document.body.prepend(first); first.focus(); first.remove();
		return window.controls.map(e => e.outerHTML.slice(0, 120)) })()`)
	reached := map[int]bool{}
	last := -1
	for range stopsMax {
		p.Press(kb.Tab)
		at := Eval[stop](p, `(() => { const e = document.activeElement, s = getComputedStyle(e);
			return {index: window.controls.indexOf(e), name: e.outerHTML.slice(0, 120), seen: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2} })()`)
		if at.Index < 0 && strings.HasPrefix(at.Name, "<body") || at.Index != last && reached[at.Index] {
			break // the page is at its end, and begins anew
		}
		if !at.Seen {
			faults = append(faults, "the focus can't be seen on "+at.Name)
		}
		reached[at.Index], last = true, at.Index // a field for dates has several stops of its own
	}
	for i, name := range names {
		if !reached[i] {
			faults = append(faults, "Tab never comes to "+name)
		}
	}
	return faults
}

// Overflow returns by how many pixels the page is wider than the window.
func (p *Page) Overflow() int {
	p.t.Helper()
	return Eval[int](p, `document.documentElement.scrollWidth - document.documentElement.clientWidth`)
}

// Report writes violations for people.
func Report(all []Violation) string {
	var b strings.Builder
	for _, v := range all {
		fmt.Fprintf(&b, "%s: %s\n  %s\n", v.Rule, v.Where, strings.ReplaceAll(v.Why, "\n", "\n  "))
	}
	return b.String()
}

func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err) // it is a string
	}
	return string(out)
}
