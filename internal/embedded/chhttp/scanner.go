package chhttp

import "strings"

type tokenKind int

const (
	word tokenKind = iota + 1
	quoted
	punctuation
)

type token struct {
	kind       tokenKind
	text       string
	start, end int
}

func (t token) is(keyword string) bool { return t.kind == word && strings.EqualFold(t.text, keyword) }

// scanner splits ClickHouse SQL into tokens, without judging it: whatever is malformed is left to the engine to refuse.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) peek() (token, bool) {
	ahead := *s
	return ahead.next()
}

func (s *scanner) next() (token, bool) {
	for s.pos < len(s.text) && s.skipBlank() {
	}
	if s.pos >= len(s.text) {
		return token{}, false
	}
	start, kind := s.pos, punctuation
	switch c := s.text[s.pos]; {
	case c == '\'' || c == '"' || c == '`':
		kind = quoted
		s.skipQuoted(c)
	case c == '$' && s.skipHeredoc():
		kind = quoted
	case isWordByte(c):
		kind = word
		for s.pos < len(s.text) && isWordByte(s.text[s.pos]) {
			s.pos++
		}
	default:
		s.pos++
	}
	return token{kind: kind, text: s.text[start:s.pos], start: start, end: s.pos}, true
}

// skipBlank skips one blank or one comment and reports whether there was one.
func (s *scanner) skipBlank() bool {
	rest := s.text[s.pos:]
	switch {
	case strings.ContainsRune(" \t\r\n\f\v", rune(rest[0])):
		s.pos++
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "# "), strings.HasPrefix(rest, "#!"):
		s.skipPast("\n")
	case strings.HasPrefix(rest, "/*"):
		s.skipBlockComment()
	default:
		return false
	}
	return true
}

// skipBlockComment skips a comment in which others may nest, as ClickHouse allows.
func (s *scanner) skipBlockComment() {
	depth := 0
	for s.pos < len(s.text) {
		switch rest := s.text[s.pos:]; {
		case strings.HasPrefix(rest, "/*"):
			depth++
			s.pos += 2
		case strings.HasPrefix(rest, "*/"):
			depth--
			s.pos += 2
		default:
			s.pos++
		}
		if depth == 0 {
			return
		}
	}
}

// skipQuoted skips a quoted text. A doubled quote inside it ends one token and starts the next, which changes nothing
// for the callers.
func (s *scanner) skipQuoted(quote byte) {
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch s.text[s.pos] {
		case '\\':
			s.pos++
		case quote:
			s.pos++
			return
		}
	}
	s.pos = len(s.text) // also when the last backslash escaped nothing
}

// skipHeredoc skips $tag$ … $tag$ and reports whether one starts here.
func (s *scanner) skipHeredoc() bool {
	rest := s.text[s.pos:]
	end := 1
	for end < len(rest) && isWordByte(rest[end]) {
		end++
	}
	if end >= len(rest) || rest[end] != '$' {
		return false
	}
	tag := rest[:end+1]
	s.pos += len(tag)
	s.skipPast(tag)
	return true
}

func (s *scanner) skipPast(mark string) {
	at := strings.Index(s.text[s.pos:], mark)
	if at < 0 {
		s.pos = len(s.text)
		return
	}
	s.pos += at + len(mark)
}

func isWordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
