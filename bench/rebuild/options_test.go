package main

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"recount/internal/clickhouse"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"--sizes", "1000,2000"}, io.Discard)
	if err != nil || !slices.Equal(o.sizes, []int{1000, 2000}) {
		t.Errorf("%+v, %v", o, err)
	}
	for args, want := range map[string]string{"--sizes 0": "--sizes", "--sizes x": "--sizes", "--live 0": "--live", "--partitions 0": "partition", "--nice 20": "nice", "now": "flags only"} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// TestLagsAreOfRecordsThatAreSeen: a record counts once, when the view that serves has it.
func TestLagsAreOfRecordsThatAreSeen(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	l := &live{pending: map[place][]pending{{history, 0}: {{1, at}, {2, at.Add(time.Second)}}, {history, 1}: {{1, at}}, {balances, 0}: {{1, at}}}, counts: true}
	l.noticed.lags = map[string][]time.Duration{}
	l.seen(history, clickhouse.Vector{bank: {0: 2}}, at.Add(3*time.Second))
	l.seen(history, clickhouse.Vector{bank: {0: 3}}, at.Add(3*time.Second))
	if want := []time.Duration{3 * time.Second, 2 * time.Second}; !slices.Equal(l.noticed.lags[history], want) || len(l.pending[place{history, 0}]) != 0 || len(l.pending[place{history, 1}]) != 1 {
		t.Errorf("%v, %v left", l.noticed.lags, l.pending)
	}
	if len(l.noticed.lags[balances]) != 0 || len(l.pending[place{balances, 0}]) != 1 {
		t.Error("what one view has counts for another")
	}
	if got := l.noticed.lag(history, 0.99); got != 3*time.Second {
		t.Errorf("p99 %v", got)
	}
	if got := (noticed{}).lag(history, 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// TestWhatWasLeftOutIsNotInTheResult: a zero would read as if it had been measured.
func TestWhatWasLeftOutIsNotInTheResult(t *testing.T) {
	t.Parallel()
	r := reading{events: 10, limit: 20, first: told{FillSeconds: 1}}
	alone, err := json.Marshal(newResult("", []reading{r}))
	if err != nil || strings.Contains(string(alone), "live_lag") || !strings.Contains(string(alone), `"events_per_second":10`) {
		t.Errorf("%s, %v", alone, err)
	}
	r.second.FillSeconds = 2
	all, err := json.Marshal(newResult("", []reading{r}))
	if err != nil || !strings.Contains(string(all), `"live_lag_p99_ms":0`) || !strings.Contains(string(all), `"beside_events_per_second":5`) {
		t.Errorf("%s, %v", all, err)
	}
}
