package ingest

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// anonymous is the actor of those who need no token.
const anonymous = "anonymous"

const (
	tokenNameBytesMax = 128
	tokenLinesMax     = 10_000
)

// Tokens are the bearer tokens that may send commands, each with the name that becomes its commands' actor. Only the
// tokens' SHA-256 sums are kept, in the file as in memory: whoever reads them can't use them.
type Tokens struct{ entries []tokenEntry }

type tokenEntry struct {
	name string
	sum  [sha256.Size]byte
}

// ReadTokens reads the token file at path: a line "name:sum" for each token, sum being the token's SHA-256 in hex;
// empty lines and those that start with # don't count. Several tokens may bear one name, so that one can be replaced
// without a gap. To add one:
//
//	TOKEN=$(openssl rand -hex 32); echo "alice:$(printf %s "$TOKEN" | sha256sum | cut -d' ' -f1)" >> tokens
//
// A file that anybody may write is refused, one that anybody may read is warned of.
func ReadTokens(path string, log *slog.Logger) (*Tokens, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the token file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the token file: %w", err)
	}
	switch mode := info.Mode().Perm(); {
	case mode&0o002 != 0:
		return nil, fmt.Errorf("token file %s may be written by anybody, who could let themselves in: chmod 600 %s", path, path)
	case mode&0o004 != 0:
		log.Warn("the token file may be read by anybody: chmod 600 it", "file", path)
	}
	t, err := ParseTokens(f)
	if err != nil {
		return nil, fmt.Errorf("token file %s: %w", path, err)
	}
	return t, nil
}

// ParseTokens reads tokens in the form ReadTokens describes. None at all is an error: nobody could send anything.
func ParseTokens(r io.Reader) (*Tokens, error) {
	t := &Tokens{}
	names := map[[sha256.Size]byte]string{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		e, err := parseToken(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if other, ok := names[e.sum]; ok {
			return nil, fmt.Errorf("line %d: %s and %s have the same token", n, other, e.name)
		}
		if len(t.entries) == tokenLinesMax {
			return nil, fmt.Errorf("more than %d tokens", tokenLinesMax)
		}
		names[e.sum] = e.name
		t.entries = append(t.entries, e)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(t.entries) == 0 {
		return nil, fmt.Errorf("it holds no token, so nobody could send a command")
	}
	return t, nil
}

// parseToken never repeats a line in its error: it may be a token written in clear by mistake.
func parseToken(line string) (tokenEntry, error) {
	name, sum, ok := strings.Cut(line, ":")
	name = strings.TrimSpace(name)
	if !ok {
		return tokenEntry{}, fmt.Errorf("is not name:sum, the SHA-256 of the token in hex")
	}
	if err := checkID(name); err != nil || len(name) > tokenNameBytesMax || name == anonymous {
		return tokenEntry{}, fmt.Errorf("the name must have 1 to %d bytes without control characters, and not be %q", tokenNameBytesMax, anonymous)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(sum))
	if err != nil || len(raw) != sha256.Size {
		return tokenEntry{}, fmt.Errorf("after %q there must be the token's SHA-256 in hex, %d digits: printf %%s \"$TOKEN\" | sha256sum", name, 2*sha256.Size)
	}
	return tokenEntry{name, [sha256.Size]byte(raw)}, nil
}

// actor returns the name of token. Every entry is compared, each in constant time, so that the time an answer takes
// tells nothing about how close a guess was, nor about which entry it met.
func (t *Tokens) actor(token string) (string, bool) {
	sum := sha256.Sum256([]byte(token))
	found := -1
	for i := range t.entries {
		equal := subtle.ConstantTimeCompare(sum[:], t.entries[i].sum[:])
		found = subtle.ConstantTimeSelect(equal, i, found)
	}
	if found < 0 {
		return "", false
	}
	return t.entries[found].name, true
}
