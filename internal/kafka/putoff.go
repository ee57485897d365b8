package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// PutOffDefault is how long brokers as they come put records off.
const PutOffDefault = 20 * time.Millisecond

const putOffSetting = "add.partitions.to.txn.retry.backoff.ms"

// PutOff returns for how long brokers put off the records of a transaction that come before the one before it is complete:
// the longest of all brokers', which is their setting add.partitions.to.txn.retry.backoff.ms. With an error, which is one of
// reaching the brokers, of a right that is missing (DESCRIBE_CONFIGS on the cluster) or of a broker that has no such
// setting, it is PutOffDefault.
func PutOff(ctx context.Context, cfg Config) (time.Duration, error) {
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		return PutOffDefault, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	brokers, err := admin.ListBrokers(ctx)
	if err != nil {
		return PutOffDefault, fmt.Errorf("kafka: asking who the brokers are: %w", err)
	}
	described, err := admin.DescribeBrokerConfigs(ctx, brokers.NodeIDs()...)
	if err != nil {
		return PutOffDefault, fmt.Errorf("kafka: asking the brokers for %s: %w", putOffSetting, err)
	}
	var longest time.Duration
	for _, of := range described {
		millis, err := putOffOf(of)
		if err != nil {
			return PutOffDefault, fmt.Errorf("kafka: asking broker %s for %s: %w", of.Name, putOffSetting, err)
		}
		longest = max(longest, time.Duration(millis)*time.Millisecond)
	}
	return longest, nil
}

func putOffOf(of kadm.ResourceConfig) (millis int64, err error) {
	if of.Err != nil {
		return 0, of.Err
	}
	for _, c := range of.Configs {
		if c.Key == putOffSetting {
			return strconv.ParseInt(c.MaybeValue(), 10, 64)
		}
	}
	return 0, errors.New("there is no such setting")
}
