package broker

import (
	"maps"
	"strconv"
	"strings"
)

const (
	dataDir   = "/var/lib/kafka/data"
	clusterID = "recountTrialBrokerAAAA"
)

// settings are a single node's, as Recount recommends them, and quick to notice what tests do to it. More win over them.
func settings(o Options, at ports) map[string]string {
	listeners, advertised := "CLIENTS://"+loopback(at.clients), "CLIENTS://"+loopback(at.clients)
	protocols := "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT"
	if o.Detour != "" {
		listeners += ",DETOUR://" + loopback(at.detour)
		advertised += ",DETOUR://" + o.Detour
		protocols += ",DETOUR:PLAINTEXT"
	}
	all := map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        "1",
		"controller.quorum.voters":       "1@" + loopback(at.controller),
		"listeners":                      listeners + ",CONTROLLER://" + loopback(at.controller),
		"advertised.listeners":           advertised,
		"inter.broker.listener.name":     "CLIENTS",
		"controller.listener.names":      "CONTROLLER",
		"listener.security.protocol.map": protocols,
		"log.dirs":                       dataDir,

		"auto.create.topics.enable":                "false",
		"default.replication.factor":               "1",
		"min.insync.replicas":                      "1",
		"offsets.topic.num.partitions":             "5",
		"offsets.topic.replication.factor":         "1",
		"transaction.state.log.num.partitions":     "5",
		"transaction.state.log.replication.factor": "1",
		"transaction.state.log.min.isr":            "1",
		"group.initial.rebalance.delay.ms":         "0",
		"group.min.session.timeout.ms":             "1000",

		"add.partitions.to.txn.retry.backoff.ms":                      "1",
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",

		// A killed broker may register again only once its last session is over: after 9 s, where nothing else is said.
		"broker.session.timeout.ms":    "2000",
		"broker.heartbeat.interval.ms": "500",

		"num.network.threads":            "2",
		"num.io.threads":                 "4",
		"log.cleaner.dedupe.buffer.size": strconv.Itoa(32 << 20),
	}
	maps.Copy(all, o.Settings)
	return all
}

// environment is what an image of Kafka makes the settings of.
func environment(settings map[string]string) map[string]string {
	out := map[string]string{"CLUSTER_ID": clusterID, "KAFKA_HEAP_OPTS": "-Xms256m -Xmx512m"}
	name := strings.NewReplacer("-", "___", "_", "__", ".", "_")
	for setting, value := range settings {
		out["KAFKA_"+strings.ToUpper(name.Replace(setting))] = value
	}
	return out
}

func loopback(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
