package webconsole_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"recount/internal/webconsole"
	"recount/internal/webconsole/browsertest"
)

// serve serves a console of f, and opens a browser.
func serve(t *testing.T, f *fake) (*browsertest.Page, string) {
	t.Helper()
	server := httptest.NewServer(newConsole(t, f))
	t.Cleanup(server.Close)
	return browsertest.Open(t), server.URL
}

// TestEverybodyCanUseThePages looks at every page as those do who hear it, who use a keyboard alone, who prefer the dark, who
// magnify it, and who have a small screen. browsertest's own test has the controls.
func TestEverybodyCanUseThePages(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	p, server := serve(t, f)
	for _, url := range []string{
		"/console", "/console/aggregates", accountPage + "&version=4", accountPage + "&version=0", "/console/aggregate?type=bank/account&id=nobody",
		"/console/sagas", sagaPage, "/console/views", "/console/trace", "/console/trace?correlation=k-1", "/console/trace?correlation=k-9", "/console/nowhere",
	} {
		for _, scheme := range []string{"light", "dark"} {
			p.Scheme(scheme)
			p.Window(1280, 900, 1)
			p.Go(server + url)
			if found := p.Audit(); len(found) > 0 {
				t.Errorf("%s, %s:\n%s", url, scheme, browsertest.Report(found))
			}
		}
		if faults := p.Unreachable(); len(faults) > 0 {
			t.Errorf("%s, by keyboard:\n%s", url, strings.Join(faults, "\n"))
		}
		for name, width := range map[string]int64{"magnified twice": 1280, "on a small screen": 640} {
			p.Window(width, 900, 2)
			if over := p.Overflow(); over > 0 {
				t.Errorf("%s, %s: %d pixels are beyond the edge", url, name, over)
			}
		}
	}
}

// state reads the account's balance off the page.
const state = `[...document.querySelectorAll("#live tbody tr")].find(r => r.cells[0].textContent === "balance").cells[2]?.textContent`

func TestTheSliderIsMovedByKeys(t *testing.T) {
	t.Parallel()
	p, server := serve(t, newFake(t))
	p.Go(server + accountPage + "&version=2")
	p.Focus("#version")
	p.Press(kb.ArrowRight)
	p.Until("version 3", state+` === "50"`)
	p.Press(kb.End)
	p.Until("the newest version", `document.querySelector("#shown").textContent.startsWith("Version 60 of 60")`)
	p.Press(kb.Home)
	p.Until("the moment before the first event", `document.querySelector("#shown").textContent.includes("before the first event")`)
	if says := browsertest.Eval[string](p, `document.querySelector("#version").getAttribute("aria-valuetext") + "|" + document.querySelector("#said").textContent + "|" + document.activeElement.id`); says != "Version 0 of 60: before the first event|Version 0 of 60: before the first event|version" {
		t.Errorf("who hears the page is told %q", says)
	}
	if url := browsertest.Eval[string](p, `location.search`); !strings.HasSuffix(url, "version=0") {
		t.Errorf("the address is %s, and would lead elsewhere", url)
	}
	if number := browsertest.Eval[string](p, `document.querySelector("output").textContent`); number != "0" {
		t.Errorf("the slider's number is %s", number)
	}
}

// TestTheOverviewRefreshesItself, until somebody pauses it; what changed is said once.
func TestTheOverviewRefreshesItself(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	p, server := serve(t, f)
	p.Go(server + "/console")
	p.Until("the pause button", `!document.querySelector("#pause").hidden`)
	browsertest.Eval[any](p, `window.kept = true; null`)
	f.set(func(o *webconsole.Overview) { o.Warnings = nil })
	p.Until("the news", `document.querySelector("#said").textContent === "Nothing needs you." && !document.querySelector(".warnings")`)
	if !browsertest.Eval[bool](p, `window.kept === true`) {
		t.Error("the page was loaded anew: whoever reads it loses their place")
	}
	browsertest.Eval[any](p, `document.querySelector("#pause").click(); null`)
	f.set(func(o *webconsole.Overview) { o.Warnings = []webconsole.Warning{{Text: "late", Do: "nothing"}} })
	p.Until("a while", `new Promise(done => setTimeout(() => done(true), 7000))`)
	if text := p.Text(); strings.Contains(text, "late") {
		t.Errorf("it was paused, and says\n%s", text)
	}
}

// TestThePagesWorkWithoutScripts: the slider has a button, the date box another.
func TestThePagesWorkWithoutScripts(t *testing.T) {
	t.Parallel()
	p, server := serve(t, newFake(t))
	p.WithoutScripts()
	p.Go(server + accountPage)
	p.Focus("#version")
	p.Press(kb.Home)
	p.Press(kb.ArrowRight + kb.ArrowRight)
	p.Press(kb.Tab + kb.Enter)
	p.Until("version 2", state+` === "20"`)
	if text := p.Text(); strings.Contains(text, "Pause live refresh") {
		t.Error("a button that does nothing is shown")
	}
	browsertest.Eval[any](p, `document.querySelector("#at").value = "2026-01-01T00:03:00.000"; document.querySelector("#at").form.requestSubmit(); null`)
	p.Until("version 3", state+` === "50"`)
}

// TestABrowserObeysThePolicy: a script that got into a page after all is not run.
func TestABrowserObeysThePolicy(t *testing.T) {
	t.Parallel()
	p, server := serve(t, newFake(t))
	p.Go(server + "/console")
	const inject = `new Promise(done => { const s = document.createElement("script"); s.textContent = "window.ran = true"; document.body.append(s); setTimeout(() => done(window.ran === true), 100) })`
	if browsertest.Eval[bool](p, inject) {
		t.Error("a script ran that is no file of the console's")
	}
	p.Go("data:text/html,<p>a page without a policy</p>") // the control
	if !browsertest.Eval[bool](p, inject) {
		t.Error("the control: such a script runs nowhere")
	}
}
