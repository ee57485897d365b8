package broker

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Variant is how a broker treats transactions.
type Variant string

const (
	// Tuned is set up as Recount recommends: a producer's next transaction need not wait for the end of its last one's
	// markers, and a dead producer's transaction ends within a second of its timeout.
	Tuned Variant = "tuned"
	// Shipped leaves all that as Kafka ships it.
	Shipped Variant = "shipped"
)

// transactionSettings are the difference between the variants.
func (v Variant) transactionSettings() map[string]string {
	if v == Shipped {
		return nil
	}
	return map[string]string{
		"add.partitions.to.txn.retry.backoff.ms":                      "1",
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
	}
}

// endpoints are where a node listens, all on loopback.
type endpoints struct{ clients, controller int }

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// settings are a single node's. Internal topics have few partitions and one replica; a group need not wait for members
// that might still come.
func settings(dir string, at endpoints, v Variant, more map[string]string) map[string]string {
	all := map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        "1",
		"controller.quorum.voters":       "1@" + loopback(at.controller),
		"listeners":                      "CLIENTS://" + loopback(at.clients) + ",CONTROLLER://" + loopback(at.controller),
		"advertised.listeners":           "CLIENTS://" + loopback(at.clients),
		"inter.broker.listener.name":     "CLIENTS",
		"controller.listener.names":      "CONTROLLER",
		"listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"log.dirs":                       filepath.Join(dir, "data"),

		"auto.create.topics.enable":                "false",
		"num.partitions":                           "1",
		"default.replication.factor":               "1",
		"min.insync.replicas":                      "1",
		"offsets.topic.num.partitions":             "10",
		"offsets.topic.replication.factor":         "1",
		"transaction.state.log.num.partitions":     "10",
		"transaction.state.log.replication.factor": "1",
		"transaction.state.log.min.isr":            "1",
		"group.initial.rebalance.delay.ms":         "0",

		"num.network.threads":            "2",
		"num.io.threads":                 "4",
		"log.cleaner.dedupe.buffer.size": strconv.Itoa(32 << 20),
	}
	maps.Copy(all, v.transactionSettings())
	maps.Copy(all, more)
	return all
}

// properties writes settings as Java reads them.
func properties(settings map[string]string) []byte {
	var b strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`) // a backslash begins an escape, also in a path
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s=%s\n", key, escape.Replace(settings[key]))
	}
	return []byte(b.String())
}
