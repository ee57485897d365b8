package telemetry

import (
	"cmp"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// Build says which program this process runs.
type Build struct {
	Version  string `json:"version"`  // the module's, or "devel"
	Revision string `json:"revision"` // of the source, "+dirty" behind it if files were changed; "unknown" without version control
	Go       string `json:"go"`
}

// ThisBuild returns what the Go tool wrote into the running program.
func ThisBuild() Build {
	b := Build{Version: "devel", Revision: "unknown", Go: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "(devel)" {
		b.Version = cmp.Or(v, b.Version)
	}
	dirty := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+dirty"
		}
	}
	b.Revision += dirty
	return b
}

func buildInfo(role string, b Build) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "recount_build_info",
		Help:        "Always 1; the labels say which program this is and the role it plays.",
		ConstLabels: prometheus.Labels{"role": role, "version": b.Version, "revision": b.Revision, "goversion": b.Go},
	})
	g.Set(1)
	return g
}
