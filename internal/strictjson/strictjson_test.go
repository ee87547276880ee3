package strictjson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/strictjson"
)

func TestAppendObject(t *testing.T) {
	t.Parallel()
	got, err := strictjson.AppendObject(nil, []byte(" {\"a\" : \"x\\u0079\" ,\"b\":[1, {\"c\":2}],\"\\u0063\":-1.50E+2 , \"d\":null}\n"))
	require.NoError(t, err)
	want := []strictjson.Member{
		{Name: "a", Value: []byte(`"x\u0079"`)},
		{Name: "b", Value: []byte(`[1, {"c":2}]`)},
		{Name: "c", Value: []byte(`-1.50E+2`)},
		{Name: "d", Value: []byte(`null`)},
	}
	assert.Equal(t, want, got)
	s, ok := strictjson.String(got[0].Value)
	assert.True(t, ok)
	assert.Equal(t, "xy", s)
	_, ok = strictjson.String(got[2].Value)
	assert.False(t, ok)
}

func TestAppendObjectRefuses(t *testing.T) {
	t.Parallel()
	deep := func(n int) string {
		return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
	}
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"` + strings.Repeat("k", i+1) + `":0`)
		}
		return "{" + b.String()[1:] + "}"
	}
	tests := []struct {
		name, in string
		want     error
	}{
		{"an empty input", "", strictjson.ErrSyntax},
		{"null", "null", strictjson.ErrNotObject},
		{"a number", "123", strictjson.ErrNotObject},
		{"an array", "[]", strictjson.ErrNotObject},
		{"a string", `"{}"`, strictjson.ErrNotObject},
		{"two values", "{}{}", strictjson.ErrSyntax},
		{"a rest after another value", "1 2", strictjson.ErrSyntax},
		{"an open object", `{"a":1`, strictjson.ErrSyntax},
		{"a comma at the end", `{"a":1,}`, strictjson.ErrSyntax},
		{"a comma at the end of an array", `{"a":[1,]}`, strictjson.ErrSyntax},
		{"a name without quotes", `{a:1}`, strictjson.ErrSyntax},
		{"a control character", "{\"a\":\"\n\"}", strictjson.ErrSyntax},
		{"an unknown escape", `{"a":"\x"}`, strictjson.ErrSyntax},
		{"half an escape", `{"a":"\u12"}`, strictjson.ErrSyntax},
		{"bytes that are not UTF-8", "{\"a\":\"\xff\"}", strictjson.ErrSyntax},
		{"a leading zero", `{"a":01}`, strictjson.ErrSyntax},
		{"a bare minus", `{"a":-}`, strictjson.ErrSyntax},
		{"a bare point", `{"a":1.}`, strictjson.ErrSyntax},
		{"NaN", `{"a":NaN}`, strictjson.ErrSyntax},
		{"a literal cut short", `{"a":tru}`, strictjson.ErrSyntax},
		{"a name twice", `{"a":1,"a":1}`, strictjson.ErrDuplicate},
		{"a name twice, once escaped", `{"a":1,"\u0061":1}`, strictjson.ErrDuplicate},
		{"too much depth", deep(strictjson.MaxDepth + 1), strictjson.ErrTooDeep},
		{"too many members", many(strictjson.MaxMembers + 1), strictjson.ErrTooMany},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			given := []strictjson.Member{{Name: "given"}}
			got, err := strictjson.AppendObject(given, []byte(tt.in))
			require.ErrorIs(t, err, tt.want)
			assert.Equal(t, given, got)
		})
	}
	for _, in := range []string{deep(strictjson.MaxDepth), many(strictjson.MaxMembers), `{"a":{"b":1,"b":1}}`} {
		_, err := strictjson.AppendObject(nil, []byte(in))
		require.NoError(t, err, in)
	}
}

func TestAppendStrings(t *testing.T) {
	t.Parallel()
	got, ok := strictjson.AppendStrings(nil, []byte(`["a" , "\u0062"]`))
	assert.True(t, ok)
	assert.Equal(t, []string{"a", "b"}, got)
	got, ok = strictjson.AppendStrings(nil, []byte(`[]`))
	assert.True(t, ok)
	assert.Empty(t, got)
	for _, in := range []string{`null`, `"a"`, `[1]`, `["a",null]`, `[["a"]]`} {
		_, ok = strictjson.AppendStrings(nil, []byte(in))
		assert.False(t, ok, in)
	}
}

// What is taken, encoding/json takes too and sees the same in it.
func FuzzAppendObject(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-2.5e3,"x\u00e9\ud800",true,null,{}],"b":{}}`, `{"a":1,"a":2}`, `{`, `[]`, " {\"\u00e9\":0} "} {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`{"a":1e700}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := strictjson.AppendObject(nil, bytes.Clone(in))
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(in, &want))
		require.Len(t, got, len(want))
		for _, m := range got {
			require.Equal(t, string(want[m.Name]), string(m.Value))
			s, ok := strictjson.String(m.Value)
			var ws any
			d := json.NewDecoder(bytes.NewReader(m.Value))
			d.UseNumber() // a number may be too large for a float64
			require.NoError(t, d.Decode(&ws))
			w, isString := ws.(string)
			require.Equal(t, isString, ok)
			require.Equal(t, w, s)
		}
	})
}

func TestAppendElements(t *testing.T) {
	t.Parallel()
	got, err := strictjson.AppendObject(nil, []byte(`{"a":[ {"b":[1,2]} , "x",null],"e":[ ],"n":1}`))
	require.NoError(t, err)
	elements, ok := strictjson.AppendElements(nil, got[0].Value)
	assert.True(t, ok)
	assert.Equal(t, [][]byte{[]byte(`{"b":[1,2]}`), []byte(`"x"`), []byte(`null`)}, elements)
	elements, ok = strictjson.AppendElements(nil, got[1].Value)
	assert.True(t, ok)
	assert.Empty(t, elements)
	_, ok = strictjson.AppendElements(nil, got[2].Value)
	assert.False(t, ok)
}
