package kafka

import (
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cutFetch ends the connection of the next request for records, unanswered.
func cutFetch(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("cut"), true })
}

// TestALookAtALogOutlivesItsConnection, and what does not ask again does not: the control.
func TestALookAtALogOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	cluster, cfg := fakeBroker(t, replayTopic)
	cl := replayClient(t, cfg)
	produceOne(t, cl, "k", "v")

	topics, err := kadm.NewClient(cl).ListTopics(t.Context(), replayTopic)
	if err != nil {
		t.Fatal(err)
	}
	topic := topics[replayTopic]
	look := func() error {
		got, next, err := fetchAt(t.Context(), cl, replayTopic, 0, 0)
		if err == nil && (next != 1 || len(got.Records) != 1) {
			err = fmt.Errorf("%d records up to %d", len(got.Records), next)
		}
		return err
	}
	if err := look(); err != nil {
		t.Fatal(err) // now there is a connection that was good: one that ends at its first request means something else
	}
	cutFetch(cluster)
	if err := look(); err != nil {
		t.Error(err)
	}
	cutFetch(cluster)
	if _, err := fetchRequest(topic, 0, 0, fetchAtBytes).RequestWith(t.Context(), cl.Broker(int(topic.Partitions[0].Leader))); err == nil {
		t.Error("the connection was not cut: this proves nothing")
	}
}
