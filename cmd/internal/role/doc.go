// Package role assembles the roles of the pipeline: it connects the packages that know no domain with the contexts of
// package domain, the schemas, the store and the systems outside. Each program runs one role; recount runs them all.
//
// A role is made in two steps. Open opens what the role needs and registers its readiness, so that what is wrong is told
// before anything has begun; Run works until its context ends, and then stops in order.
//
// Only assembly is in here: a decision, a retry or a protocol belongs into the package that it is about.
package role
