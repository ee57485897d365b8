// Package acceptance holds what only the whole can show, as tests: a real bank's books through the pipeline, processes
// that are killed in the middle of a load, every kind of bad input, and the life of a command over HTTP.
//
// What a package promises of itself is tested beside it. Nothing in here is used by a program.
package acceptance
