package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCausesOfAborts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err        error
		rebalanced bool
		want       AbortCause
	}{
		"another has the transactional ID":       {fmt.Errorf("ending: %w", kerr.InvalidProducerEpoch), false, AbortFenced},
		"another has the instance ID":            {kerr.FencedInstanceID, true, AbortFenced},
		"the group took something":               {nil, true, AbortRebalance},
		"the group began anew while we waited":   {context.DeadlineExceeded, true, AbortRebalance},
		"nobody answered":                        {context.DeadlineExceeded, false, AbortTimeout},
		"a record was not acknowledged in time":  {kgo.ErrRecordTimeout, false, AbortTimeout},
		"the broker does not like it":            {kerr.MessageTooLarge, false, AbortError},
		"the client gave up without saying why":  {nil, false, AbortUnknown},
		"the connection broke, and nothing else": {errors.New("EOF"), false, AbortError},
	} {
		if got := abortCause(tc.err, tc.rebalanced); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

// commits is a session that has read a record and commits what follows from it, after something went wrong meanwhile.
func commits(t *testing.T, name string, wrong func(*kfake.Cluster, Config)) (*Session, bool) {
	t.Helper()
	cluster, cfg := sessionBroker(t)
	s, err := OpenSession(t.Context(), SessionConfig{
		Config: cfg, Group: "g", InstanceID: name, TransactionalID: name, Inputs: []string{sessionTopic},
		SessionTimeout: 2 * time.Second, TransactionTimeout: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	send(t, cfg)
	for deadline := time.Now().Add(2 * time.Minute); ; {
		if time.Now().After(deadline) {
			t.Fatal("it read nothing")
		}
		got, err := s.Poll(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) > 0 {
			break
		}
		gained, _, _ := s.Changes()
		s.Resume(gained)
		s.AllowRebalance()
	}
	wrong(cluster, cfg)
	committed, _ := s.Commit(t.Context(), []*Record{{Topic: sessionTopic, Partition: 1, Value: []byte("out")}}, nil)
	return s, committed
}

func send(t *testing.T, cfg Config) {
	t.Helper()
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: sessionTopic, Value: []byte("in")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestASessionSaysWhyItDidNotCommit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		wrong func(*kfake.Cluster, Config)
		want  AbortCause
	}{
		"another takes its transactional ID": {func(_ *kfake.Cluster, cfg Config) {
			if err := takeTransactionalID(t.Context(), cfg, "fenced"); err != nil {
				t.Error(err)
			}
		}, AbortFenced},
		"the group does not take its offsets": {func(c *kfake.Cluster, _ Config) {
			answer(c, kerr.UnknownServerError)
		}, AbortUnknown},
		"the broker refuses its offsets for good": {func(c *kfake.Cluster, _ Config) {
			answer(c, kerr.GroupAuthorizationFailed)
		}, AbortError},
		"nothing is wrong": {func(*kfake.Cluster, Config) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, committed := commits(t, "fenced", tc.wrong)
			if got := s.AbortCause(); got != tc.want || committed != (tc.want == "") {
				t.Errorf("committed %v, cause %q, want %q", committed, got, tc.want)
			}
		})
	}
}

// answer has the broker refuse the offsets of every transaction.
func answer(cluster *kfake.Cluster, with *kerr.Error) {
	cluster.ControlKey(int16(kmsg.TxnOffsetCommit), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := kreq.(*kmsg.TxnOffsetCommitRequest)
		resp := req.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
		for _, rt := range req.Topics {
			topic := kmsg.NewTxnOffsetCommitResponseTopic()
			topic.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				p := kmsg.NewTxnOffsetCommitResponseTopicPartition()
				p.Partition, p.ErrorCode = rp.Partition, with.Code
				topic.Partitions = append(topic.Partitions, p)
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
}
