package browsertest

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// patience is how long one look at a page may take on a machine that does much else.
const patience = 2 * time.Minute

// programs are the names of browsers that are looked for, in this order.
func programs() []string {
	return []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}
}

// Page is a tab of a browser of its own. Whatever goes wrong ends the test.
type Page struct {
	t   testing.TB
	ctx context.Context
}

// Open starts a browser that ends with the test.
func Open(t testing.TB) *Page {
	t.Helper()
	program := ""
	for _, name := range programs() {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Fatalf("these tests look at pages in a real browser, and none of %v is here: make setup installs one (on Debian: apt-get install chromium)", programs())
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		chromedp.Env("TMPDIR="+socketDir(t)))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // the browser refuses to run as root otherwise
	}
	allocated, end := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocated)
	t.Cleanup(func() { closeTab(); end() })
	p := &Page{t, ctx}
	if err := chromedp.Do(ctx); err != nil { // the browser lives as long as the context of the first call
		t.Fatalf("%s does not start: %v", program, err)
	}
	return p
}

// socketDir is a folder for what the browser leaves behind when it is ended: a socket, whose path must be short.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "browser-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// do runs steps, one after the other.
func (p *Page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("the browser: %v", err)
	}
}

// Eval returns what a script comes to, which may be a promise.
func Eval[T any](p *Page, script string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("the script %.200q: %v", script, err)
	}
	return value
}

// Go opens a URL.
func (p *Page) Go(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
}

// Follow clicks the first link with this text, and waits for the page that it leads to.
func (p *Page) Follow(text string) {
	p.t.Helper()
	before := Eval[string](p, `location.href`)
	found := Eval[bool](p, `(() => { const a = [...document.querySelectorAll("a")].find(a => a.textContent.trim() === `+quoted(text)+`); a?.click(); return !!a })()`)
	if !found {
		p.t.Fatalf("no link %q in\n%s", text, p.Text())
	}
	p.Until("another page", `location.href !== `+quoted(before)+` && document.readyState === "complete"`)
}

// Press presses keys, one after the other: characters, and those that package kb names.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}

// Focus puts the focus on the first element that a selector finds.
func (p *Page) Focus(selector string) {
	p.t.Helper()
	if !Eval[bool](p, `(() => { const e = document.querySelector(`+quoted(selector)+`); e?.focus(); return !!e && document.activeElement === e })()`) {
		p.t.Fatalf("%s is not there, or takes no focus", selector)
	}
}

// Until waits until a script is true.
func (p *Page) Until(what, script string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(p.ctx, patience)
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
		cancel()
		if err == nil && is { // a page that is being left answers with errors
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s never came (%v); the page says\n%s", what, err, p.Text())
		}
	}
}

// Text is all text of the page that is to be seen.
func (p *Page) Text() string {
	p.t.Helper()
	return Eval[string](p, `document.body.innerText`)
}

// Scheme has the user prefer "light" or "dark".
func (p *Page) Scheme(scheme string) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
}

// WithoutScripts has the browser run no script of the pages that are opened from now on. Those of tests are run.
func (p *Page) WithoutScripts() {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// Window is a size of the window and a zoom: of 1280 pixels, a page that is shown at 200 % has 640 to itself.
func (p *Page) Window(width, height int64, zoom float64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(int64(float64(width)/zoom), int64(float64(height)/zoom), chromedp.EmulateScale(zoom)))
}
