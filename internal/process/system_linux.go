package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// attributes puts the process into a group of its own, because a Ctrl-C at a terminal is the parent's to handle, and
// has the kernel end it when the parent dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// tick is the unit of processor times in /proc: USER_HZ, which Linux fixes at 100 for all programs.
const tick = 10 * time.Millisecond

// CPU is the processor time the process has used so far, its own and the kernel's on its behalf.
func (p *Process) CPU() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.PID()))
	if err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", p.name, err)
	}
	used, err := parseStat(string(text))
	if err != nil {
		return 0, fmt.Errorf("processor time of %s: %w", p.name, err)
	}
	return used, nil
}

// parseStat reads fields 14 and 15, utime and stime, of /proc/PID/stat. Field 2 is the program's name in parentheses
// and may hold anything, parentheses too: fields are counted from its last one.
func parseStat(text string) (time.Duration, error) {
	const utime, stime = 14 - 3, 15 - 3
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) <= stime {
		return 0, fmt.Errorf("%q is not what the kernel writes", text)
	}
	user, userErr := strconv.ParseInt(fields[utime], 10, 64)
	system, systemErr := strconv.ParseInt(fields[stime], 10, 64)
	return time.Duration(user+system) * tick, errors.Join(userErr, systemErr)
}
