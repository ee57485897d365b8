package script

import (
	"reflect"
	"testing"

	"recount/internal/serde/serdetest"
)

// write writes so many messages of a seed's script.
func write(t *testing.T, seed uint64) ([]Message, *Expected) {
	t.Helper()
	s := New(Options{Seed: seed, Accounts: 50, Partitions: 4, Codec: serdetest.Codec(t)})
	var out []Message
	for range 500 {
		m, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out, s.Expected()
}

func TestASeedIsAScript(t *testing.T) {
	t.Parallel()
	messages, expected := write(t, 7)
	again, expectedAgain := write(t, 7)
	if !reflect.DeepEqual(messages, again) || !reflect.DeepEqual(expected, expectedAgain) {
		t.Error("the same seed has written another script")
	}
	if others, _ := write(t, 8); reflect.DeepEqual(messages, others) {
		t.Error("another seed has written the same script")
	}
}
