// Package broker runs Apache Kafka in a container, to be killed, paused, restarted and looked into by tests.
//
// One node, broker and controller in one (KRaft), on a fixed port of this machine's loopback interface and a volume of its
// own: a start after a kill finds both as they were. It is for trials on Linux: one replica, and no security. The image is $KAFKA_IMAGE;
// .ci/with-containers provides one, and the daemon.
package broker
