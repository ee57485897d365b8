package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
)

// settings is a configuration with a flag of each kind.
type settings struct {
	cli.Services
	Telemetry cli.Telemetry
	State     string
	Batch     int
	Window    time.Duration
	Lossy     bool
}

func (s *settings) Flags(f *cli.Flags) {
	f.StringVar(&s.State, "state", "", "`folder` of the store")
	f.IntVar(&s.Batch, "batch", 500, "`commands` of a batch")
	f.DurationVar(&s.Window, "dedup-window", time.Hour, "how long")
	f.BoolVar(&s.Lossy, "accept-lost-commands", false, "go on")
	s.Services.Flags(f)
	s.Telemetry.Flags(f)
}

func (s *settings) Validate() error {
	var state error
	if s.State == "forbidden" {
		state = errors.New("--state: forbidden")
	}
	return errors.Join(state, s.Services.Validate(), s.Telemetry.Validate())
}

// ran is what became of a program.
type ran struct {
	code           int
	stdout, stderr string
	got            *settings // nil: the command was not run
}

func run(t *testing.T, environ []string, args ...string) ran {
	t.Helper()
	return runWith(t, t.Context(), environ, func(context.Context) error { return nil }, args...)
}

func runWith(t *testing.T, ctx context.Context, environ []string, work func(context.Context) error, args ...string) ran {
	t.Helper()
	var out ran
	var stdout, stderr bytes.Buffer
	cfg := &settings{Services: cli.DefaultServices()}
	p := cli.Program{
		Root: cli.Group("aggregator", "Decides", "Decides commands.", "", cli.Command{
			Use: "run", Short: "Decide commands", Example: "  aggregator run --state here", Config: cfg,
			Run: func(ctx context.Context, p *cli.Process) error {
				out.got = cfg
				p.Log.Info("working", "program", p.Name)
				return work(ctx)
			},
		}.Cobra(), cli.Command{
			Use: "inspect ID", Args: cli.Takes("ID"), Run: func(context.Context, *cli.Process) error { return nil },
		}.Cobra()),
		Args: args, Environ: environ, Stdout: &stdout, Stderr: &stderr,
	}
	out.code = p.Run(ctx)
	out.stdout, out.stderr = stdout.String(), stderr.String()
	return out
}

func (r ran) says(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s", r.code, code, r.stderr)
	}
	for _, text := range texts {
		if n := strings.Count(r.stdout+r.stderr, text); n != 1 {
			t.Errorf("%q is said %d times:\n%s%s", text, n, r.stdout, r.stderr)
		}
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recount.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsWinOverVariablesWinOverTheFile(t *testing.T) {
	t.Parallel()
	file := write(t, "batch: 1\nstate: file\nkafka: [file-1:9092, file-2:9092]\ndedup: {window: 5m}\naccept_lost_commands: true\n")
	for name, c := range map[string]struct {
		environ, args []string
		want          string
	}{
		"defaults":                   {nil, nil, "500  [127.0.0.1:9092] 1h0m0s false"},
		"file":                       {nil, []string{"--config", file}, "1 file [file-1:9092 file-2:9092] 5m0s true"},
		"variables":                  {[]string{"RECOUNT_CONFIG=" + file, "RECOUNT_BATCH=2", "RECOUNT_KAFKA=env:1,env:2", "RECOUNT_DEDUP_WINDOW=3s", "RECOUNT_ACCEPT_LOST_COMMANDS=false"}, nil, "2 file [env:1 env:2] 3s false"},
		"flags":                      {[]string{"RECOUNT_BATCH=2", "RECOUNT_KAFKA=env:1", "RECOUNT_STATE=env"}, []string{"--batch=3", "--kafka=flag:1", "--config", file}, "3 env [flag:1] 5m0s true"},
		"a flag's own default given": {[]string{"RECOUNT_BATCH=2"}, []string{"--batch=500"}, "500  [127.0.0.1:9092] 1h0m0s false"},
		"empty":                      {[]string{"RECOUNT_STATE="}, []string{"--config", file, "--batch=9"}, "9  [file-1:9092 file-2:9092] 5m0s true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, c.environ, append([]string{"run"}, c.args...)...)
			if r.got == nil {
				t.Fatalf("%d %s", r.code, r.stderr)
			}
			if got := fmt.Sprint(r.got.Batch, " ", r.got.State, " ", r.got.Kafka, " ", r.got.Window, " ", r.got.Lossy); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAFileServesAllPrograms(t *testing.T) {
	t.Parallel()
	file := write(t, "partitions: 3\nbatch: 1\naggregator:\n  batch: 2\n  dedup-window: 9s\ningest:\n  tokens: of no concern here\n")
	r := run(t, nil, "run", "--config", file)
	if r.got == nil || r.got.Partitions != 3 || r.got.Batch != 2 || r.got.Window != 9*time.Second {
		t.Errorf("%+v %s", r.got, r.stderr)
	}
}

func TestAFaultyFileIsRefused(t *testing.T) {
	t.Parallel()
	for content, wants := range map[string][]string{
		"kafak: x:1\nbach: 3\nzzzzzzzzzz: 1\n": {"key kafak: there is no such setting; did you mean kafka?", "key bach: there is no such setting; did you mean batch?", "key zzzzzzzzzz: there is no such setting\n", "3 things are wrong"},
		"aggregator: {stat: x}\n":              {"key aggregator.stat: there is no such setting; did you mean state?"},
		"dedup: {windw: 1h}\n":                 {"key dedup.windw: there is no such setting; did you mean dedup-window?"},
		"batch: many\n":                        {`key batch: "many" is no int`},
		"batch: [1, 2]\n":                      {"key batch: a list, where one int is wanted"},
		"state:\n":                             {"key state: it has no value"},
		"dedup-window: 1\ndedup_window: 1h\n":  {"given twice"},
		"config: other.yaml\n":                 {"key config: there is no such setting"},
		"- a list\n":                           {"is not YAML"},
		"a: b: c\n":                            {"is not YAML"},
	} {
		r := run(t, nil, "run", "--config", write(t, content))
		r.says(t, cli.ExitUsage, append(wants, "See aggregator run --help.")...)
		if r.got != nil {
			t.Errorf("%q was run", content)
		}
	}
	run(t, nil, "run", "--config", "/nowhere/at/all.yaml").says(t, cli.ExitUsage, "no such file")
}

func TestAVariableThatLooksLikeASlipIsWarnedOf(t *testing.T) {
	t.Parallel()
	r := run(t, []string{"RECOUNT_BATHC=9", "RECOUNT_SERVICE_HOST=10.0.0.1", "RECOUNT_LIBCHDB=/lib"}, "run")
	r.says(t, cli.ExitOK, "RECOUNT_BATHC has no meaning here; did you mean RECOUNT_BATCH?")
	if strings.Contains(r.stderr, "SERVICE_HOST") || strings.Contains(r.stderr, "LIBCHDB") {
		t.Errorf("others' variables are none of ours:\n%s", r.stderr)
	}
	run(t, []string{"RECOUNT_BATCH=x"}, "run").says(t, cli.ExitUsage, `RECOUNT_BATCH: "x" is no int`)
}

func TestSlipsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--partitons", "3"}, "Error: aggregator run has no flag --partitons; did you mean --partitions?"},
		{[]string{"run", "--nothing-like-it"}, "Error: aggregator run has no flag --nothing-like-it\n"},
		{[]string{"run", "-x"}, "there are no flags of one letter (-x)"},
		{[]string{"run", "--batch", "x"}, `invalid argument "x" for "--batch"`},
		{[]string{"run", "--batch"}, "flag needs an argument: --batch"},
		{[]string{"run", "surplus"}, `aggregator run takes only flags; what is "surplus"?`},
		{[]string{"inspect", "acct-1", "--at", "now"}, "aggregator inspect has no flag --at"},
		{[]string{"inspect", "acct-1", "acct-2"}, `aggregator inspect takes ID; what is "acct-2"?`},
		{[]string{"rnu"}, `Error: aggregator has no command "rnu"; did you mean run?`},
		{[]string{"inspect"}, "aggregator inspect needs ID"},
		{nil, "Error: one of the commands above is needed"},
	} {
		r := run(t, nil, c.args...)
		r.says(t, cli.ExitUsage, c.want)
		if r.got != nil || strings.Count(r.stderr, "Error:") != 1 {
			t.Errorf("%v: %s", c.args, r.stderr)
		}
	}
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	run(t, nil, "run", "--state=forbidden", "--kafka=nowhere", "--registry=ftp://x", "--clickhouse=8123", "--partitions=0", "--telemetry-addr=x", "--log-level=loud", "--log-format=xml").
		says(t, cli.ExitUsage, "8 things are wrong", "--state: forbidden", `"nowhere" is not host:port`, `"ftp://x" begins with none of`, `"8123" is not a URL`,
			"0 is not between 1 and 10000", "--telemetry-addr", `"loud"`, `"xml"`)
}

func TestListenersThatOthersCanReach(t *testing.T) {
	t.Parallel()
	for address, code := range map[string]int{
		"127.0.0.1:9101": cli.ExitOK, "[::1]:9101": cli.ExitOK, "localhost:9101": cli.ExitOK, "": cli.ExitOK,
		":9101": cli.ExitUsage, "0.0.0.0:9101": cli.ExitUsage, "[::]:9101": cli.ExitUsage, "192.0.2.7:9101": cli.ExitUsage, "9101": cli.ExitUsage,
	} {
		r := run(t, nil, "run", "--telemetry-addr="+address)
		r.says(t, code)
		if exposed := strings.Contains(r.stderr, "--telemetry-token FILE"); exposed != (code == cli.ExitUsage && address != "9101") {
			t.Errorf("%q: %s", address, r.stderr)
		}
	}
	run(t, nil, "run", "--telemetry-addr=:9101", "--telemetry-token=file").says(t, cli.ExitOK)
}

func TestACertificateHasItsKey(t *testing.T) {
	t.Parallel()
	for _, alone := range []string{"--telemetry-cert=file", "--telemetry-key=file"} {
		run(t, nil, "run", alone).says(t, cli.ExitUsage, "--telemetry-cert and --telemetry-key belong together")
		run(t, nil, "run", alone, "--telemetry-addr=").says(t, cli.ExitUsage, "belong together")
	}
	run(t, nil, "run", "--telemetry-cert=file", "--telemetry-key=file").says(t, cli.ExitOK)
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		code int
		says string
	}{
		"done":             {t.Context(), nil, cli.ExitOK, ""},
		"failed":           {t.Context(), errors.New("the disk is full"), cli.ExitFailed, "Error: the disk is full\n"},
		"usage":            {t.Context(), fmt.Errorf("run: %w", cli.Usagef("two of them")), cli.ExitUsage, "Error: run: two of them\n"},
		"told already":     {t.Context(), fmt.Errorf("12 rejected: %w", cli.ErrReported), cli.ExitFailed, ""},
		"stopped in order": {ended, nil, cli.ExitOK, ""},
		"interrupted":      {ended, fmt.Errorf("loading: %w", context.Canceled), cli.ExitFailed, "Interrupted.\n"},
		"failed at stop":   {ended, errors.New("flushing: disk full"), cli.ExitFailed, "Error: flushing: disk full\n"},
		"wrapped join":     {t.Context(), fmt.Errorf("stopping: %w, %w", errors.New("a"), errors.New("b")), cli.ExitFailed, "Error: stopping: a, b\n"},
		"join":             {t.Context(), errors.Join(errors.New("a"), errors.New("b")), cli.ExitFailed, "Error: 2 things are wrong:\n  - a\n  - b\n"},
	} {
		r := runWith(t, c.ctx, nil, func(context.Context) error { return c.err }, "run", "--log-level=error")
		if r.code != c.code || r.stderr != c.says {
			t.Errorf("%s: %d %q, want %d %q", name, r.code, r.stderr, c.code, c.says)
		}
	}
}

func TestHelpTeaches(t *testing.T) {
	t.Parallel()
	r := run(t, nil, "run", "--help")
	r.says(t, cli.ExitOK, "Examples:\n  aggregator run --state here", "\nFlags:\n", "\nServices:\n", "\nTelemetry:\n", "\nGeneral:\n", "--state folder", "RECOUNT_LOG_LEVEL")
	own, services, general := strings.Index(r.stdout, "--batch"), strings.Index(r.stdout, "--kafka"), strings.Index(r.stdout, "--log-level")
	if own < 0 || own > services || services > general {
		t.Errorf("the command's own flags come first:\n%s", r.stdout)
	}
	run(t, nil, "--help").says(t, cli.ExitOK, "Decides commands.", "  run          Decide commands", "aggregator COMMAND --help")
	for _, args := range [][]string{{"version"}, {"--version"}} {
		run(t, nil, args...).says(t, cli.ExitOK, "aggregator devel (revision ")
	}
}

func TestLogFormats(t *testing.T) {
	t.Parallel()
	run(t, nil, "run").says(t, cli.ExitOK, "level=INFO msg=working program=aggregator")
	run(t, []string{"RECOUNT_LOG_FORMAT=json"}, "run").says(t, cli.ExitOK, `"level":"INFO","msg":"working","program":"aggregator"}`)
	if r := run(t, nil, "run", "--log-level", "warn"); strings.Contains(r.stderr, "working") {
		t.Errorf("below the level: %s", r.stderr)
	}
}
