// Package strictjson parses JSON objects from untrusted sources for code that
// makes decisions based on them. It follows the grammar of RFC 8259 strictly,
// rejects duplicate names in an object, and limits the nesting and the number
// of members. Values are returned as the bytes that were written, since some of
// them are signed.
//
// In contrast, encoding/json silently takes the last of two members with the
// same name, while another reader of the same bytes may take the first.
package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

const (
	// MaxDepth is how deep objects and arrays may nest, including the outermost.
	MaxDepth = 16
	// MaxMembers is the maximum number of members of the object that is parsed.
	// Objects inside it may have more.
	MaxMembers = 64
)

// Member is a member of an object.
type Member struct {
	// Name is the member's name, decoded.
	Name string
	// Value is the value as it was written, without surrounding white space. It is
	// a slice of the parsed bytes.
	Value []byte
}

// Errors of [AppendObject], to be tested for with [errors.Is].
var (
	// ErrSyntax means that the bytes are not exactly one JSON value.
	ErrSyntax = errors.New("not valid JSON")
	// ErrNotObject means that the JSON value is not an object.
	ErrNotObject = errors.New("not a JSON object")
	// ErrDuplicate means that a name occurs twice in the object.
	ErrDuplicate = errors.New("a JSON object with a name given twice")
	// ErrTooDeep means that the nesting exceeds MaxDepth.
	ErrTooDeep = fmt.Errorf("JSON nested deeper than %d", MaxDepth)
	// ErrTooMany means that the object has more than MaxMembers members.
	ErrTooMany = fmt.Errorf("a JSON object with more than %d members", MaxMembers)
)

// AppendObject appends the members of the object in b to dst, in order. On one
// of the errors above it returns dst unchanged.
func AppendObject(dst []Member, b []byte) ([]Member, error) {
	p := parser{b: b}
	p.space()
	if p.peek() != '{' {
		if p.value(0); p.err == nil {
			p.end()
		}
		if p.err != nil {
			return dst, p.err
		}
		return dst, ErrNotObject
	}
	given := len(dst)
	p.object(1, func(name, value []byte) {
		if len(dst)-given == MaxMembers {
			p.fail(ErrTooMany)
			return
		}
		decoded, _ := String(name)
		for _, m := range dst[given:] {
			if m.Name == decoded {
				p.fail(ErrDuplicate)
				return
			}
		}
		dst = append(dst, Member{Name: decoded, Value: value})
	})
	p.end()
	if p.err != nil {
		return dst[:given], p.err
	}
	return dst, nil
}

// AppendStrings appends the elements of an array of strings to dst. If the
// value is anything else, ok is false. The value must be the Value of a Member.
func AppendStrings(dst []string, value []byte) (_ []string, ok bool) {
	if len(value) == 0 || value[0] != '[' {
		return dst, false
	}
	p := parser{b: value}
	ok = true
	p.array(1, func(element []byte) {
		s, isString := String(element)
		ok = ok && isString
		dst = append(dst, s)
	})
	return dst, ok && p.err == nil
}

// AppendElements appends the elements of an array to dst, each as it was
// written. If the value is not an array, ok is false. The value must be the
// Value of a Member.
func AppendElements(dst [][]byte, value []byte) (_ [][]byte, ok bool) {
	if len(value) == 0 || value[0] != '[' {
		return dst, false
	}
	p := parser{b: value}
	p.array(1, func(element []byte) { dst = append(dst, element) })
	return dst, p.err == nil
}

// String decodes a string. If the value is anything else, ok is false. The
// value must be the Value of a Member. As in encoding/json, half a surrogate
// pair becomes U+FFFD.
func String(value []byte) (s string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	for _, c := range value[1 : len(value)-1] {
		if c == '\\' {
			err := json.Unmarshal(value, &s)
			return s, err == nil
		}
	}
	return string(value[1 : len(value)-1]), true
}

// parser reads b once. After the first error it is at the end.
type parser struct {
	b   []byte
	pos int
	err error
}

func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
	p.pos = len(p.b)
}

// peek returns the next byte, or 0 at the end. No JSON value begins with 0.
func (p *parser) peek() byte {
	if p.pos < len(p.b) {
		return p.b[p.pos]
	}
	return 0
}

func (p *parser) expect(c byte) {
	if p.peek() != c {
		p.fail(ErrSyntax)
		return
	}
	p.pos++
}

func (p *parser) space() {
	for p.pos < len(p.b) {
		switch p.b[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// end checks that nothing follows.
func (p *parser) end() {
	if p.space(); p.pos < len(p.b) {
		p.fail(ErrSyntax)
	}
}

// value skips a value that is nested in depth objects and arrays.
func (p *parser) value(depth int) {
	switch c := p.peek(); {
	case c == '{':
		p.object(depth+1, nil)
	case c == '[':
		p.array(depth+1, nil)
	case c == '"':
		p.string()
	case c == '-' || c >= '0' && c <= '9':
		p.number()
	case c == 't':
		p.literal("true")
	case c == 'f':
		p.literal("false")
	case c == 'n':
		p.literal("null")
	default:
		p.fail(ErrSyntax)
	}
}

func (p *parser) object(depth int, member func(name, value []byte)) {
	if depth > MaxDepth {
		p.fail(ErrTooDeep)
		return
	}
	p.expect('{')
	if p.space(); p.peek() == '}' {
		p.pos++
		return
	}
	for p.err == nil {
		p.space()
		name := p.span((*parser).string)
		p.space()
		p.expect(':')
		p.space()
		value := p.span(func(p *parser) { p.value(depth) })
		if member != nil && p.err == nil {
			member(name, value)
		}
		if p.space(); p.peek() != ',' {
			break
		}
		p.pos++
	}
	p.expect('}')
}

func (p *parser) array(depth int, element func(value []byte)) {
	if depth > MaxDepth {
		p.fail(ErrTooDeep)
		return
	}
	p.expect('[')
	if p.space(); p.peek() == ']' {
		p.pos++
		return
	}
	for p.err == nil {
		p.space()
		value := p.span(func(p *parser) { p.value(depth) })
		if element != nil && p.err == nil {
			element(value)
		}
		if p.space(); p.peek() != ',' {
			break
		}
		p.pos++
	}
	p.expect(']')
}

// span returns the bytes that parse skips.
func (p *parser) span(parse func(*parser)) []byte {
	start := p.pos
	parse(p)
	return p.b[min(start, p.pos):p.pos]
}

func (p *parser) string() {
	p.expect('"')
	for p.err == nil {
		switch c := p.peek(); {
		case c == '"':
			p.pos++
			return
		case c < ' ':
			p.fail(ErrSyntax) // the end too
		case c == '\\':
			p.pos++
			p.escape()
		case c < utf8.RuneSelf:
			p.pos++
		default:
			r, size := utf8.DecodeRune(p.b[p.pos:])
			if r == utf8.RuneError && size == 1 {
				p.fail(ErrSyntax)
				return
			}
			p.pos += size
		}
	}
}

func (p *parser) escape() {
	switch p.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		p.pos++
	case 'u':
		p.pos++
		for range 4 {
			if !isHex(p.peek()) {
				p.fail(ErrSyntax)
				return
			}
			p.pos++
		}
	default:
		p.fail(ErrSyntax)
	}
}

func (p *parser) number() {
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else {
		p.digits()
	}
	if p.peek() == '.' {
		p.pos++
		p.digits()
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		p.digits()
	}
}

func (p *parser) digits() {
	if c := p.peek(); c < '0' || c > '9' {
		p.fail(ErrSyntax)
		return
	}
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
}

func (p *parser) literal(want string) {
	if len(p.b)-p.pos < len(want) || string(p.b[p.pos:p.pos+len(want)]) != want {
		p.fail(ErrSyntax)
		return
	}
	p.pos += len(want)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}
