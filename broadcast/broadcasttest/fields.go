package broadcasttest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/onairgo/onair/event"
)

// untagged finds fields that encoding/json would send under their Go names, and
// an event none of whose fields is sent.
func untagged(e event.Event) []string {
	w := walker{seen: make(map[reflect.Type]bool)}
	if p, ok := e.(event.Payloader); ok {
		if with := p.BroadcastWith(); with != nil {
			w.value(reflect.ValueOf(with), 0)
			return w.found
		}
	}
	w.empty(reflect.TypeOf(e))
	w.value(reflect.ValueOf(e), 0)
	return w.found
}

// walker visits the values and types of a payload. It visits each struct type
// once.
type walker struct {
	seen  map[reflect.Type]bool
	found []string
}

// maxDepth ends the walk through a payload that contains itself, which the
// encoder refuses.
const maxDepth = 100

// holder is a marshaler that exposes the value that it encodes, as those of
// model changes and notifications do.
type holder interface {
	json.Marshaler
	Value() any
}

func (w *walker) report(format string, args ...any) {
	w.found = append(w.found, fmt.Sprintf(format, args...))
}

// empty reports a struct that has fields but sends none of them.
func (w *walker) empty(t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.NumField() == 0 || encodesItself(t) {
		return
	}
	for f := range t.Fields() {
		if f.IsExported() || f.Anonymous {
			return
		}
	}
	w.report("none of its fields is exported, so the payload is {}; export what pages need, or return struct{}{} from BroadcastWith")
}

// value visits what v holds, or its type where it holds nothing.
func (w *walker) value(v reflect.Value, depth int) {
	if !v.IsValid() || !mayHoldStruct(v.Type()) || depth > maxDepth {
		return
	}
	if v.CanInterface() {
		if h, ok := v.Interface().(holder); ok {
			w.value(reflect.ValueOf(h.Value()), depth+1)
			return
		}
	}
	t := v.Type()
	if encodesItself(t) {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		w.fields(v, depth)
	case reflect.Interface:
		w.value(v.Elem(), depth+1)
	case reflect.Pointer:
		if v.IsNil() {
			w.value(reflect.Zero(t.Elem()), depth+1)
		} else {
			w.value(v.Elem(), depth+1)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			w.value(v.Index(i), depth+1)
		}
		w.value(reflect.Zero(t.Elem()), depth+1)
	case reflect.Map:
		for _, key := range v.MapKeys() {
			w.value(v.MapIndex(key), depth+1)
		}
		w.value(reflect.Zero(t.Elem()), depth+1)
	}
}

// fields looks at the fields that encoding/json sends.
func (w *walker) fields(v reflect.Value, depth int) {
	t := v.Type()
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		promoted := f.Anonymous && inner.Kind() == reflect.Struct && name == ""
		if tag == "-" || !f.IsExported() && !promoted {
			continue
		}
		if name == "" && !promoted {
			w.report("the field %s of %s has no name for JSON, so pages get %q; write `json:%q`, or `json:\"-\"` to keep it off the wire",
				f.Name, t, f.Name, camelCase(f.Name))
		}
		w.value(v.Field(i), depth+1)
	}
}

// mayHoldStruct lets the walk skip bytes, numbers and texts.
func mayHoldStruct(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Interface, reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return true
	}
	return false
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

func encodesItself(t reflect.Type) bool {
	return t.Implements(jsonMarshaler) || t.Implements(textMarshaler) ||
		reflect.PointerTo(t).Implements(jsonMarshaler) || reflect.PointerTo(t).Implements(textMarshaler)
}

// camelCase writes a Go name as pages do: SessionID becomes sessionId.
func camelCase(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		startsWord := i > 0 && unicode.IsUpper(r) &&
			(!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if !startsWord {
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
