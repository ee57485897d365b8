//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// summaryVariable is the file in which every test notes what it has counted.
const summaryVariable = "E2E_SUMMARY"

// counted is what one world has come to.
type counted struct {
	Faults, Kills, Freezes int
	Commands, Lost, Twice  int
	// Wrong are other faults that the audit found; Hanging are transactions that were ended as an operator does, Own those
	// that members ended of themselves.
	Wrong, Hanging, Own int
}

// note adds a world's counts to the summary.
func (w *world) note(c counted) {
	w.t.Helper()
	line, err := json.Marshal(c)
	w.must(err)
	file, err := os.OpenFile(os.Getenv(summaryVariable), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	w.must(err)
	_, err = file.Write(append(line, '\n')) // one write, so that lines of tests beside each other stay whole
	w.must(errors.Join(err, file.Close()))
}

// summarize writes one line about all worlds that were audited.
func summarize(file string) error {
	lines, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // none was
	}
	if err != nil {
		return err
	}
	var sum counted
	for line := range bytes.Lines(lines) {
		var c counted
		if err := json.Unmarshal(line, &c); err != nil {
			return err
		}
		sum.Faults += c.Faults
		sum.Kills += c.Kills
		sum.Freezes += c.Freezes
		sum.Commands += c.Commands
		sum.Lost += c.Lost
		sum.Twice += c.Twice
		sum.Wrong += c.Wrong
		sum.Hanging += c.Hanging
		sum.Own += c.Own
	}
	fmt.Printf("e2e: %d faults (%d kills, %d freezes past a session timeout), %d commands: %d lost, %d twice, %d wrong otherwise; hanging transactions were ended: %d by their own workers, %d by the operator\n",
		sum.Faults, sum.Kills, sum.Freezes, sum.Commands, sum.Lost, sum.Twice, sum.Wrong, sum.Own, sum.Hanging)
	return nil
}
