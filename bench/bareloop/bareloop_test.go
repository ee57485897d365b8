package bareloop

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"recount/internal/embedded/embeddedtest"
	"recount/internal/kafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partitions, records = 3, 900

// loaded returns a loop on a broker with so many records in its input, and a client.
func loaded(t *testing.T) (Config, *kgo.Client) {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	c := Config{Address: broker.Addr(), Group: "loop", Input: "a.commands", Output: "a.events", KeyBytes: 10, ValueBytes: 50, Batch: 100}
	if err := kafka.EnsureTopics(t.Context(), kafka.Config{Brokers: []string{c.Address}}, []string{"a"}, partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.Address), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	var in []*kgo.Record
	for i := range records {
		in = append(in, &kgo.Record{Topic: c.Input, Partition: int32(i % partitions), Value: []byte("in")})
	}
	if err := cl.ProduceSync(t.Context(), in...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return c, cl
}

func TestTheLoopCopiesEveryRecordOnce(t *testing.T) {
	t.Parallel()
	c, _ := loaded(t)
	if err := c.Check(t.Context(), records); err == nil {
		t.Error("nothing is copied, and Check is content")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	for c.Check(ctx, records) != nil {
		if ctx.Err() != nil {
			t.Error(c.Check(t.Context(), records))
			break
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWrongCopiesAreFound(t *testing.T) {
	t.Parallel()
	c, cl := loaded(t)
	write := func(place uint64, bytes int) {
		t.Helper()
		value := binary.BigEndian.AppendUint64(nil, place)
		value = append(value, make([]byte, bytes-len(value))...)
		r := &kgo.Record{Topic: c.Output, Partition: 1, Key: make([]byte, c.KeyBytes), Value: value}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	must := func(want string, records int) {
		t.Helper()
		if err := c.Check(t.Context(), records); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check: %v, want %q", err, want)
		}
	}
	write(0, c.ValueBytes)
	if err := c.Check(t.Context(), 1); err != nil {
		t.Error(err)
	}
	must("2 records were copied 1 times", 2)
	write(0, c.ValueBytes)
	must("a copy of offset 0, not of 1", 2)
	c.ValueBytes++
	must("10 and 50 bytes", 2)
}

func TestAValueNeedsRoomForItsPlace(t *testing.T) {
	t.Parallel()
	if err := (Config{ValueBytes: placeBytes - 1}).Run(t.Context()); err == nil {
		t.Error("7 bytes are taken for enough")
	}
}
