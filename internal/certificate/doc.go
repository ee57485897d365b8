// Package certificate has listeners serve TLS with a certificate from files, and callers trust who signed one.
//
// It never asks callers for a certificate of theirs: who they are, their tokens say.
package certificate
