//go:build !nochdb

package chdb

import (
	"syscall"
	"unsafe"
)

// kernelSigaction is what rt_sigaction(2) reads and writes on Linux x86-64.
type kernelSigaction struct {
	handler, flags, restorer, mask uintptr
}

const (
	// The real-time signals from 32 on are left alone: the engine uses one of them itself, for stack traces.
	firstRealTimeSignal = 32
	kernelSigsetBytes   = 8
)

// keepSignals runs f and puts back every signal handler f replaced, so that the Go runtime keeps its own: it preempts
// goroutines and turns faults into panics with them.
func keepSignals(f func()) {
	var before [firstRealTimeSignal]kernelSigaction
	for signal := 1; signal < firstRealTimeSignal; signal++ {
		sigaction(signal, nil, &before[signal])
	}
	f()
	for signal := 1; signal < firstRealTimeSignal; signal++ {
		var now kernelSigaction
		sigaction(signal, nil, &now)
		if now != before[signal] {
			sigaction(signal, &before[signal], nil)
		}
	}
}

// sigaction cannot fail here: the signal numbers are valid, and what is put back was read before. The two signals
// nobody can handle (SIGKILL and SIGSTOP) never change, so they are never written.
func sigaction(signal int, set, old *kernelSigaction) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(signal),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(old)), kernelSigsetBytes, 0, 0)
}
