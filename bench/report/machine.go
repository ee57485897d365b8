package report

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Machine describes where and when a benchmark runs, as part of its conditions, and how busy the machine was before, which
// should be hardly at all. What cannot be found out is left out.
func Machine(now time.Time) string {
	parts := []string{fmt.Sprintf("%d cores", runtime.NumCPU())}
	if model := firstMatch("/proc/cpuinfo", `(?m)^model name\s*:\s*(.+)$`); model != "" {
		parts[0] += " of " + model
	}
	if kib, err := strconv.ParseInt(firstMatch("/proc/meminfo", `(?m)^MemTotal:\s*(\d+) kB$`), 10, 64); err == nil {
		parts = append(parts, fmt.Sprintf("%d GiB of memory", (kib+1<<19)>>20))
	}
	parts = append(parts, runtime.GOOS+"/"+runtime.GOARCH, runtime.Version())
	if load := firstMatch("/proc/loadavg", `^(\S+)`); load != "" {
		parts = append(parts, "load "+load+" at the start")
	}
	return strings.Join(append(parts, now.UTC().Format(time.DateOnly)), ", ")
}

// firstMatch returns what the pattern's group matches in a file; empty where there is no such file, or no match.
func firstMatch(path, pattern string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return group(string(text), pattern)
}

func group(text, pattern string) string {
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return strings.TrimSpace(found[1])
}
