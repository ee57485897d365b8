// Package prometheus tries what Prometheus and Grafana are given: rules and boards are read by Prometheus' own parser and
// held against the metrics that there are (docs/metrics.md), and promtool runs the tests of the rules.
//
// It is a module of its own, so that the pipeline takes none of Prometheus' dependencies along, and holds no production
// code. Prometheus' programs are built with the tag remove_all_sd: rules need no discovery of services, which is most of
// what they would have to be built from. promtool has that by DNS, which kubernetes.yml asks for.
package prometheus
