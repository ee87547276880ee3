package channel

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxParameterName is the maximum length of a parameter's name in bytes.
const MaxParameterName = 32

// Pattern is a channel name with parameters, written as in Laravel's
// routes/channels.php: "mentor.{mentorId}". A parameter matches one or more
// characters other than a dot; everything outside braces is literal. If a name
// can be divided in several ways, the first parameter matches as much as it
// can, then the second, and so on. A Pattern is immutable.
type Pattern struct {
	source   string
	names    []string
	segments []segment
}

// segment is the part of a pattern between two dots: literals[0], a parameter,
// literals[1] and so on. It has one more literal than parameters.
type segment struct {
	literals []string
}

// PatternError reports a pattern that is not valid.
type PatternError struct {
	// Pattern is the pattern as passed to [ParsePattern].
	Pattern string
	// Pos is the byte offset of the problem.
	Pos int
	// Detail describes the problem.
	Detail string
}

// Error returns a message that names the problem and its position.
func (e *PatternError) Error() string {
	return fmt.Sprintf("channel: pattern %q: %s at byte %d", e.Pattern, e.Detail, e.Pos)
}

// ParsePattern parses a pattern. It returns a [*PatternError] if the pattern is
// empty, if a brace is unclosed, nested or stray, or if a parameter's name is
// empty, longer than [MaxParameterName], used twice, begins with a digit, or
// has characters other than letters, digits and underscores.
func ParsePattern(s string) (*Pattern, error) {
	p := &Pattern{source: s}
	if s == "" {
		return nil, &PatternError{Pattern: s, Detail: "it is empty"}
	}
	seg := segment{}
	start := 0 // of the current literal
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '.':
			seg.literals = append(seg.literals, s[start:i])
			p.segments = append(p.segments, seg)
			seg, start = segment{}, i+1
		case '}':
			return nil, &PatternError{Pattern: s, Pos: i, Detail: "a closing brace without an opening one"}
		case '{':
			end := strings.IndexAny(s[i+1:], "{}")
			if end < 0 || s[i+1+end] == '{' {
				return nil, &PatternError{Pattern: s, Pos: i, Detail: "an opening brace that is not closed"}
			}
			name := s[i+1 : i+1+end]
			if detail := p.checkName(name); detail != "" {
				return nil, &PatternError{Pattern: s, Pos: i, Detail: detail}
			}
			p.names = append(p.names, name)
			seg.literals = append(seg.literals, s[start:i])
			i += 1 + end
			start = i + 1
		}
	}
	seg.literals = append(seg.literals, s[start:])
	p.segments = append(p.segments, seg)
	return p, nil
}

func (p *Pattern) checkName(name string) string {
	if name == "" {
		return "a parameter without a name"
	}
	if len(name) > MaxParameterName {
		return fmt.Sprintf("a parameter's name of more than %d bytes", MaxParameterName)
	}
	for i := range len(name) {
		b := name[i]
		digit := b >= '0' && b <= '9'
		if b != '_' && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (!digit || i == 0) {
			return fmt.Sprintf("the parameter %q is not a name of letters, digits and underscores", name)
		}
	}
	for _, other := range p.names {
		if other == name {
			return fmt.Sprintf("the parameter %q is given twice", name)
		}
	}
	return ""
}

// String returns the pattern as it was written.
func (p *Pattern) String() string { return p.source }

// Names returns the names of the parameters in order. The caller must not
// modify the slice.
func (p *Pattern) Names() []string { return p.names }

// Match reports whether the pattern matches the whole of name, and returns the
// values of the parameters in the order of [Pattern.Names]. Matching is
// case-sensitive. For a given pattern, it takes time linear in the length of
// the name.
func (p *Pattern) Match(name string) (params []string, ok bool) {
	return p.AppendMatch(nil, name)
}

// AppendMatch is like [Pattern.Match] but appends the values to dst, so that
// the caller can reuse a slice. If name does not match, it returns a slice of
// the same length as dst.
func (p *Pattern) AppendMatch(dst []string, name string) ([]string, bool) {
	given := len(dst)
	rest := name
	for i := range p.segments {
		part := rest
		dot := strings.IndexByte(rest, '.')
		if last := i == len(p.segments)-1; last != (dot < 0) {
			return dst[:given], false
		}
		if dot >= 0 {
			part, rest = rest[:dot], rest[dot+1:]
		}
		var ok bool
		if dst, ok = p.segments[i].match(dst, part); !ok {
			return dst[:given], false
		}
	}
	return dst, true
}

// match works from the right. It places each literal as far right as the
// parameters after it allow, so that earlier parameters match as much as they
// can.
func (s *segment) match(dst []string, part string) ([]string, bool) {
	params := len(s.literals) - 1
	if params == 0 {
		return dst, part == s.literals[0]
	}
	head, tail := s.literals[0], s.literals[params]
	if len(part) < len(head)+len(tail) || !strings.HasPrefix(part, head) || !strings.HasSuffix(part, tail) {
		return dst, false
	}
	part = part[len(head) : len(part)-len(tail)]
	base := len(dst)
	for range params {
		dst = append(dst, "")
	}
	for i := params - 1; i > 0; i-- {
		_, size := utf8.DecodeLastRuneInString(part)
		at := strings.LastIndex(part[:len(part)-size], s.literals[i])
		if at < 0 {
			return dst, false
		}
		dst[base+i] = part[at+len(s.literals[i]):]
		part = part[:at]
	}
	dst[base] = part
	return dst, part != ""
}
