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

// endpoints are where a node listens, all on loopback; more are the additional listeners', in their order.
type endpoints struct {
	clients, controller int
	more                []int
}

// Listener is one more way to reach the broker, beside the open one: with TLS, or a login.
type Listener struct {
	// Name is what Kafka calls it: capital letters and digits.
	Name string
	// Protocol is Kafka's word for it: SSL, SASL_SSL, SASL_PLAINTEXT.
	Protocol string
	// Settings are this listener's alone, without the prefix listener.name.<name>.
	Settings map[string]string
}

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// settings are a single node's. Internal topics have few partitions and one replica; a group need not wait for members
// that might still come.
func settings(dir string, at endpoints, o Options) map[string]string {
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
	maps.Copy(all, o.Variant.transactionSettings())
	for i, l := range o.Listeners {
		l.add(all, at.more[i])
	}
	maps.Copy(all, o.Settings)
	return all
}

// add has the broker listen in this way, too.
func (l Listener) add(all map[string]string, port int) {
	address := "," + l.Name + "://" + loopback(port)
	all["listeners"] += address
	all["advertised.listeners"] += address
	all["listener.security.protocol.map"] += "," + l.Name + ":" + l.Protocol
	for key, value := range l.Settings {
		all["listener.name."+strings.ToLower(l.Name)+"."+key] = value
	}
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
