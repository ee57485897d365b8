package kafka

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// settings has brokers say what they are set to.
func settings(cluster *kfake.Cluster, code int16, set map[string]string) {
	cluster.ControlKey(int16(kmsg.DescribeConfigs), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := kreq.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, asked := range kreq.(*kmsg.DescribeConfigsRequest).Resources {
			of := kmsg.NewDescribeConfigsResponseResource()
			of.ResourceType, of.ResourceName, of.ErrorCode = asked.ResourceType, asked.ResourceName, code
			for key, value := range set {
				c := kmsg.NewDescribeConfigsResponseResourceConfig()
				c.Name, c.Value = key, kmsg.StringPtr(value)
				of.Configs = append(of.Configs, c)
			}
			resp.Resources = append(resp.Resources, of)
		}
		return resp, nil, true
	})
}

func TestHowLongABrokerPutsRecordsOff(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		code  int16
		set   map[string]string
		want  time.Duration
		fails bool
	}{
		"as recommended":  {set: map[string]string{putOffSetting: "1", "other": "7"}, want: time.Millisecond},
		"as shipped":      {set: map[string]string{putOffSetting: "20"}, want: PutOffDefault},
		"no such setting": {set: map[string]string{"other": "7"}, want: PutOffDefault, fails: true},
		"no number":       {set: map[string]string{putOffSetting: "soon"}, want: PutOffDefault, fails: true},
		"not allowed":     {code: kerr.ClusterAuthorizationFailed.Code, want: PutOffDefault, fails: true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cluster, cfg := fakeBroker(t, replayTopic)
			settings(cluster, c.code, c.set)
			if got, err := PutOff(t.Context(), cfg); got != c.want || (err != nil) != c.fails {
				t.Errorf("%v, %v; want %v, an error: %t", got, err, c.want, c.fails)
			}
		})
	}
}
