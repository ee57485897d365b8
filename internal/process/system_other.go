//go:build !linux

package process

import (
	"syscall"
	"time"
)

// attributes puts the process into a group of its own, because a Ctrl-C at a terminal is the parent's to handle.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// CPU is 0: only Linux tells the processor time of another process.
func (p *Process) CPU() (time.Duration, error) { return 0, nil }
