// Package telemetry is what a process tells its operators: metrics (/metrics, in Prometheus' and OpenMetrics' formats),
// whether it is alive (/healthz) and whether it may be sent work (/readyz).
//
// The packages that do the work declare what they can tell, as small interfaces of their own; the types here turn it
// into metrics. Names follow Prometheus' conventions and begin with recount_. Labels have a bounded number of values:
// whoever sends commands can't make time series.
//
// It never changes what the process does, and nothing waits for it: a metric that fails is logged or left out.
package telemetry
