package streamspeer

import (
	"strings"
	"testing"

	"recount/internal/serde/serdetest"
)

func TestBothVariantsAreRead(t *testing.T) {
	t.Parallel()
	defaults, err := Defaults()
	if err != nil || len(defaults) != 1 || defaults["num.stream.threads"] != "2" {
		t.Errorf("defaults %v, %v", defaults, err)
	}
	tuned, err := Tuned()
	if err != nil || len(tuned) <= len(defaults) || tuned["num.stream.threads"] == "" {
		t.Errorf("tuned %v, %v", tuned, err)
	}
}

func TestTheProgramIsToldAllItMustKnow(t *testing.T) {
	t.Parallel()
	c := Config{
		Address: "127.0.0.1:1", Application: "app", Input: "in", Output: "out", Dir: `C:\tmp`,
		Settings: Settings{"commit.interval.ms": "7", "jvm": "-XX:+UseParallelGC"}, Codec: serdetest.Codec(t),
	}
	text, err := c.properties()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if name, id, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.HasPrefix(name, "schema.") {
			ids[id] = true
		}
	}
	if len(ids) != 6 {
		t.Errorf("%d schema IDs, want 6 that differ:\n%s", len(ids), text)
	}
	if strings.Contains(string(text), "jvm") {
		t.Errorf("Kafka Streams is told of the Java machine:\n%s", text)
	}
	for _, line := range []string{"input=in\n", "streams.bootstrap.servers=127.0.0.1:1\n", "streams.commit.interval.ms=7\n", `streams.state.dir=C:\\tmp` + "\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is missing:\n%s", line, text)
		}
	}
}
