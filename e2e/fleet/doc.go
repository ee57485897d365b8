// Package fleet runs Recount's roles as they are shipped: built once, each life a process of its own, configured by flags
// alone and watched by way of what operators have, their logs, /readyz and /metrics, and the programs' other commands.
//
// They end with the program that started them, however it ends. It knows nothing of what they decide or keep.
package fleet
