package webconsole

import (
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"recount/internal/es"
	"recount/internal/worker/inspect"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets
var assetFiles embed.FS

// frame is what every page has around it.
type frame struct {
	Title string
	// Part is the part of the console the page belongs to: a path of the navigation.
	Part string
	// Refresh says that the script is to fetch the page again every so many seconds; 0: it stays as it is.
	Refresh int
}

// backdatedMillis is how long before it was recorded an event must be valid to be called back-dated: what a saga sends is
// valid when what started it is, some milliseconds ago.
const backdatedMillis = 60_000

// refreshSeconds is how often a page that shows what goes on is fetched again.
const refreshSeconds = 5

func (c *Console) parsePages() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"path":      func(rest string) string { return Path + rest },
		"aggregate": aggregateLink,
		"version":   versionLink,
		"saga":      sagaLink,
		"command":   func(id string) string { return Path + "/trace?" + url.Values{"command": {id}}.Encode() },
		"together":  func(id string) string { return Path + "/trace?" + url.Values{"correlation": {id}}.Encode() },
		"process":   c.processOf,
		"moment":    inspect.Moment,
		"utc":       func(t time.Time) string { return inspect.Moment(t.UnixMilli()) },
		"iso":       func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"count":     count,
		"backdated": func(m es.Meta) bool { return m.RecordedAt-m.ValidAt >= backdatedMillis },
	}).ParseFS(pageFiles, "pages/*.html")
}

func aggregateLink(context, aggregate, id string) string {
	return Path + "/aggregate?" + url.Values{"type": {context + "/" + aggregate}, "id": {id}}.Encode()
}

func versionLink(context, aggregate, id string, version int64) string {
	return aggregateLink(context, aggregate, id) + "&version=" + strconv.FormatInt(version, 10)
}

func sagaLink(context, saga, id string) string {
	return Path + "/saga?" + url.Values{"type": {context + "/" + saga}, "id": {id}}.Encode()
}

// processOf returns the link to the saga's instance that an actor is: its full ID, "<ctx>/<saga>/<id>". Others have none.
func (c *Console) processOf(actor string) string {
	context, rest, _ := strings.Cut(actor, "/")
	name, id, found := strings.Cut(rest, "/")
	known, _ := c.context(context)
	if _, is := known.Process(name); !found || !is || id == "" {
		return ""
	}
	return sagaLink(context, name, id)
}

// count writes n with a comma between thousands.
func count(n int64) string {
	text := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return sign + text
}

// problem is a page that says what went wrong and what to try.
type problem struct {
	frame
	Lead string
	Try  []string
	Find finder
}

// lost is the page for what is not there.
func lost(title, lead string, try ...string) answer {
	return answer{http.StatusNotFound, "problem", problem{frame: frame{Title: title}, Lead: lead, Try: try}}
}

// away is the page for what can't be asked now.
func away(part string, err error) answer {
	return answer{http.StatusServiceUnavailable, "problem", problem{
		frame: frame{Title: "This can't be shown now", Part: part, Refresh: refreshSeconds},
		Lead:  err.Error(),
		Try:   []string{"The overview says which services and roles answer.", "This page is tried again by itself, or by loading it again."},
	}}
}

// assetTypes are the files that pages refer to.
func assetTypes() map[string]string {
	return map[string]string{"style.css": "text/css; charset=utf-8", "live.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"}
}

func (c *Console) asset(w http.ResponseWriter, r *http.Request, name, kind string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "max-age=300") // a newer program may have another
	http.ServeFileFS(w, r, assetFiles, "assets/"+name)
}
