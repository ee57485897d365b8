package role

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/ingest"
	"recount/internal/kafka"
)

func TestAWorkersNameGoesWithItsState(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := instanceIn(dir, "aggregator")
	if err != nil || !strings.HasPrefix(first, "aggregator-") || !instanceName.MatchString(first) {
		t.Fatalf("%q %v", first, err)
	}
	if again, err := instanceIn(dir, "aggregator"); err != nil || again != first {
		t.Errorf("%q came back as %q, %v", first, again, err)
	}
	if other, err := instanceIn(t.TempDir(), "aggregator"); err != nil || other == first {
		t.Errorf("two workers are called %q, %v", other, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.partial")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if err := os.WriteFile(filepath.Join(dir, instanceFile), []byte("no\x00name"), 0o600); err != nil {
		t.Fatal(err)
	}
	if name, err := instanceIn(dir, "aggregator"); err == nil {
		t.Errorf("%q was taken for a name", name)
	}
	if _, err := instanceIn(filepath.Join(dir, "not", "there"), "aggregator"); err == nil {
		t.Error("a name was kept in a folder that does not exist")
	}
}

func TestOnlyTopicsOfThisMachineAreMadeUnasked(t *testing.T) {
	t.Parallel()
	here, mixed, away := []string{"127.0.0.1:1", "localhost:2", "[::1]:3"}, []string{"127.0.0.1:1", "broker:2"}, []string{"10.0.0.1:9092"}
	for _, c := range []struct {
		topics  Topics
		brokers []string
		create  bool
		want    kafka.Replication
	}{
		{DefaultTopics(), here, true, kafka.Replication{}},
		{DefaultTopics(), mixed, false, kafka.Replication{Factor: 3, MinInSync: 2}},
		{DefaultTopics(), away, false, kafka.Replication{Factor: 3, MinInSync: 2}},
		{Topics{Create: "true", Replication: 1}, away, true, kafka.Replication{Factor: 1}},
		{Topics{Create: "false", Replication: 5, EventsCleanup: cleanupDelete}, here, false, kafka.Replication{Factor: 5, MinInSync: 4, DeleteCleanup: true}},
	} {
		if got := c.topics.create(c.brokers); got != c.create {
			t.Errorf("%+v on %v: create %v", c.topics, c.brokers, got)
		}
		if got := c.topics.replication(c.brokers); got != c.want {
			t.Errorf("%+v on %v: %+v, want %+v", c.topics, c.brokers, got, c.want)
		}
	}
}

// validator is a configuration.
type validator interface{ Validate() error }

func TestDefaultsAreValidAndFaultsAreAllTold(t *testing.T) {
	t.Parallel()
	a, i, p, proc := NewAggregator(), NewIngest(), NewProjectors(), NewProcess(AggregatorTelemetry)
	for _, v := range []validator{&a, &i, &p, &proc, &Load{}} {
		if err := v.Validate(); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
	for _, c := range []struct {
		faulty validator
		flags  []string
	}{
		{&Aggregator{Instance: "a b"}, []string{"--state", "--instance", "--sessions", "--batch", "--flush", "--dedup-window", "--dedup-entries", "--cache-bytes", "--store-cache-bytes", "--session-timeout", "--transaction-timeout"}},
		{&Ingest{Address: "8080"}, []string{"--http-addr", "--body-bytes", "--in-flight", "--wait-max", "--drain-timeout"}},
		{&Projectors{Instance: "a/b", Concurrency: -1}, []string{"--instance", "--range-records", "--inserts-per-second", "--concurrency", "--insert-lifetime", "--session-timeout", "--transaction-timeout"}},
		{&Topics{Create: "perhaps", Replication: -1}, []string{"--create-topics", "--replication", "--events-cleanup"}},
	} {
		err := c.faulty.Validate()
		if err == nil {
			t.Errorf("%+v is valid", c.faulty)
			continue
		}
		for _, flag := range c.flags {
			if strings.Count(err.Error(), flag+":") != 1 {
				t.Errorf("%T: nothing, or too much, is said of %s:\n%v", c.faulty, flag, err)
			}
		}
	}
}

func TestUnknownContextsAndViews(t *testing.T) {
	t.Parallel()
	f := &Foundation{Contexts: []es.Context{
		{Name: "bank", Views: []es.View{{Name: "events"}, {Name: "balances"}}}, {Name: "shop", Views: []es.View{{Name: "events"}}},
	}}
	if _, err := f.Choose([]string{"bank", "bnak"}); err == nil || !strings.Contains(err.Error(), `"bnak"; there are: bank, shop`) {
		t.Errorf("%v", err)
	}
	if got, err := f.Choose([]string{"shop"}); err != nil || len(got) != 1 || got[0].Name != "shop" {
		t.Errorf("%v %v", got, err)
	}
	if _, err := withViews(f.Contexts, []string{"totals"}); err == nil || !strings.Contains(err.Error(), "balances, events") {
		t.Errorf("%v", err)
	}
	got, err := withViews(f.Contexts, []string{"balances"})
	if err != nil || len(got[0].Views) != 1 || len(got[1].Views) != 0 {
		t.Errorf("%v %v", got, err)
	}
	if len(f.Contexts[0].Views) != 2 {
		t.Error("the declaration was changed")
	}
}

func TestAFoundationClosesTheLastFirst(t *testing.T) {
	t.Parallel()
	f := &Foundation{}
	var order []int
	for n := range 3 {
		f.OnClose(func() error { order = append(order, n); return errors.New("fault") })
	}
	if err := f.Close(); err == nil || len(order) != 3 || order[0] != 2 || order[2] != 0 {
		t.Errorf("%v %v", order, err)
	}
	if err := f.Close(); err != nil || len(order) != 3 {
		t.Errorf("closed twice: %v %v", order, err)
	}
}

func TestServicesThatAreNotThere(t *testing.T) {
	t.Parallel()
	s := services(t, false)
	gone := s
	gone.Kafka = []string{"127.0.0.1:1"}
	unregistered := s
	unregistered.Registry = "http://127.0.0.1:1"
	began := time.Now()
	for name, c := range map[string]struct {
		s     Surroundings
		wants []string
	}{
		"broker":     {surroundings(gone), []string{"Kafka can't be reached", "nothing listens on 127.0.0.1:1", "--kafka"}},
		"registry":   {surroundings(unregistered), []string{"The schema registry can't be reached", "--registry"}},
		"partitions": {surroundings(otherCount(t, s)), []string{"has 2 partitions, --partitions says 5"}},
	} {
		f, err := Lay(t.Context(), c.s)
		if err == nil {
			f.Close()
			t.Errorf("%s: laid", name)
			continue
		}
		for _, want := range c.wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, without %q", name, err, want)
			}
		}
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v to say so", took)
	}
}

// otherCount has the topics made, and then asks for another number of partitions.
func otherCount(t *testing.T, s cli.Services) cli.Services {
	t.Helper()
	lay(t, s)
	s.Partitions = 5
	return s
}

func TestNobodyWaitsForTheViewsLongerThanTheyWant(t *testing.T) {
	t.Parallel()
	opening, release := make(chan struct{}), make(chan struct{})
	db := NewLazy(func(context.Context) (*clickhouse.DB, error) {
		close(opening)
		<-release
		return nil, errors.New("no ClickHouse here")
	})
	l := &lookup{db}
	first := make(chan error, 1)
	go func() {
		_, _, err := l.Command(t.Context(), ingest.CommandKey{})
		first <- err
	}()
	<-opening
	impatient, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := l.Command(impatient, ingest.CommandKey{}); !errors.Is(err, context.Canceled) {
		t.Errorf("somebody impatient: %v", err)
	}
	close(release)
	if err := <-first; err == nil || !strings.Contains(err.Error(), "no ClickHouse here") {
		t.Errorf("whoever opens: %v", err)
	}
	if err := db.Close(func(*clickhouse.DB) error { return errors.New("it was never opened") }); err != nil {
		t.Error(err)
	}
}
