package chhttp

import (
	"fmt"
	"io"

	"recount/internal/embedded/chdb"
)

// insertFromFile rewrites INSERT … [SETTINGS …] FORMAT F, whose data is the body, into one that reads the data from a
// file. The engine has no entry for a body, but reads a file of any size without a copy.
func insertFromFile(query string, st statement, path string) (string, error) {
	if st.inlineData {
		return "", chdb.NewException(codeNotImplemented, "NOT_IMPLEMENTED",
			"An INSERT may carry its data in the query or in the body, not in both")
	}
	return fmt.Sprintf("%s FROM INFILE '%s' COMPRESSION 'none' %s", query[:st.clauses], path, query[st.clauses:]), nil
}

// spool copies an INSERT's data into a file that exists in memory only. The caller closes it.
func spool(data io.Reader) (*memoryFile, error) {
	file, err := newMemoryFile()
	if err != nil {
		return nil, fmt.Errorf("make a memory file for the INSERT's data: %w", err)
	}
	if _, err := io.CopyBuffer(onlyWriter{file}, data, make([]byte, spoolBufferBytes)); err != nil {
		return nil, fmt.Errorf("read the INSERT's data: %w", closeAfter(file, err))
	}
	return file, nil
}

const spoolBufferBytes = 1 << 20

// onlyWriter hides ReadFrom, which would ignore the buffer given and copy in steps of 32 KiB.
type onlyWriter struct{ io.Writer }
