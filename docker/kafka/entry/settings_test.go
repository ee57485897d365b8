package main

import "testing"

func TestVariablesAreSettings(t *testing.T) {
	t.Parallel()
	got := string(write(brokerSettings([]string{
		"PATH=/bin", "KAFKA_NODE_ID=1", "KAFKA_LISTENERS=A://:1,B://:2", "KAFKA_A__B___C_D=x=y", "KAFKA_HEAP_OPTS=-Xmx1g",
		`KAFKA_SSL_KEY=a\b` + "\n", "CLUSTER_ID=c", "KAFKAESQUE=no",
	})))
	want := "a_b-c.d=x=y\nlisteners=A://:1,B://:2\nlog.dirs=/var/lib/kafka/data\nnode.id=1\nssl.key=a\\\\b\\n\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := brokerSettings([]string{"KAFKA_LOG_DIRS=/elsewhere"})["log.dirs"]; got != "/elsewhere" {
		t.Errorf("log.dirs is %q", got)
	}
}
