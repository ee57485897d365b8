package ingest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
)

// Policy says who may send which commands. Where there is one, whoever it doesn't name may send none. Everybody with a
// token may still ask what became of a command, and wait for a view.
type Policy struct {
	grants map[string][]grant // by the name of the token
	lines  map[string]int     // where the name is, for errors
}

// grant is the commands that match: context, aggregate and command, each a name or "*" for any.
type grant [3]string

const anything = "*"

// ReadPolicy reads the policy file at path: a line "name: commands" for each name of the token file, the commands as in
// their address and separated by blanks, "*" standing for any context, aggregate or command; empty lines and those that
// start with # don't count. A name with no commands may send none:
//
//	teller:    bank/account/deposit bank/account/withdraw
//	warehouse: shop/inventory/* shop/shipment/*
//	auditor:
//
// A file that anybody may write is refused.
func ReadPolicy(path string) (*Policy, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return nil, fmt.Errorf("policy %s may be written by anybody, who could give themselves every right: chmod 600 %s", path, path)
	}
	p, err := ParsePolicy(f)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", path, err)
	}
	return p, nil
}

// ParsePolicy reads a policy in the form ReadPolicy describes.
func ParsePolicy(r io.Reader) (*Policy, error) {
	p := &Policy{grants: map[string][]grant{}, lines: map[string]int{}}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, commands, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("line %d: is not a name, a colon and commands as context/aggregate/command", n)
		}
		if first, ok := p.lines[name]; ok {
			return nil, fmt.Errorf("line %d: %s has line %d already", n, name, first)
		}
		p.lines[name] = n
		for _, pattern := range strings.Fields(commands) {
			parts := strings.Split(pattern, "/")
			if len(parts) != len(grant{}) || slices.Contains(parts, "") {
				return nil, fmt.Errorf("line %d: %q is not context/aggregate/command, each a name or *", n, pattern)
			}
			p.grants[name] = append(p.grants[name], grant(parts))
		}
	}
	return p, lines.Err()
}

// check returns every line that can't be meant: a name that no token bears, commands that nothing matches.
func (p *Policy) check(tokens *Tokens, c catalog) error {
	if tokens == nil {
		return errors.New("ingest: a policy is about the names of tokens, and there are none")
	}
	var faults []error
	for name, line := range p.lines {
		if !slices.ContainsFunc(tokens.entries, func(e tokenEntry) bool { return e.name == name }) {
			faults = append(faults, fmt.Errorf("ingest: policy, line %d: no token bears the name %q", line, name))
		}
		for _, g := range p.grants[name] {
			if !g.matchesAny(c) {
				faults = append(faults, fmt.Errorf("ingest: policy, line %d: this server takes no command %s", line, strings.Join(g[:], "/")))
			}
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(faults...)
}

func (g grant) matchesAny(c catalog) bool {
	found := false
	c.each(func(_, _ string, commands []commandInfo) {
		found = found || slices.ContainsFunc(commands, g.matches)
	})
	return found
}

func (g grant) matches(info commandInfo) bool {
	is := func(pattern, name string) bool { return pattern == anything || pattern == name }
	return is(g[0], info.Context) && is(g[1], info.Aggregate) && is(g[2], info.Name)
}

// permit returns nil if actor may send the command. Without a policy everybody may.
func (p *Policy) permit(actor string, info commandInfo) *Problem {
	if p == nil || slices.ContainsFunc(p.grants[actor], func(g grant) bool { return g.matches(info) }) {
		return nil
	}
	return newProblem(http.StatusForbidden, CodeForbidden,
		fmt.Sprintf("%s may not send %s/%s/%s: the policy of this server doesn't say so", actor, info.Context, info.Aggregate, info.Name))
}
