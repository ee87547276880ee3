package auth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/pusherproto"
)

// recorded is a row of auth.json: what a real Laravel application answered.
type recorded struct {
	Name  string `json:"name"`
	Hint  string `json:"hint"`
	Input struct {
		Driver        string              `json:"driver"`
		Key           string              `json:"app_key"`
		Secret        string              `json:"app_secret"`
		EncryptionKey string              `json:"encryption_master_key_base64"`
		Method        string              `json:"method"`
		Users         map[string]*phpUser `json:"users"`
		Channels      []phpChannel        `json:"channels"`
		Register      string              `json:"register"`
		Params        json.RawMessage     `json:"params"`
		JSONBody      bool                `json:"json_body"`
		Accept        string              `json:"accept"`
	} `json:"input"`
	Want recordedAnswer `json:"want"`
}

type recordedAnswer struct {
	Status       int             `json:"status"`
	Body         *string         `json:"body"`
	Calls        []phpCall       `json:"-"`
	RawCalls     json.RawMessage `json:"calls"`
	StringToSign string          `json:"string_to_sign"`
}

// phpUser is the application's user.
type phpUser struct {
	ID json.RawMessage `json:"id"`
}

// id is the user's id as a text, as PHP casts it.
func (u *phpUser) id() string {
	var s string
	if json.Unmarshal(u.ID, &s) == nil {
		return s // "" for null
	}
	return string(u.ID)
}

// phpChannel is one Broadcast::channel(…).
type phpChannel struct {
	Pattern string `json:"pattern"`
	Result  struct {
		Kind  string          `json:"kind"`
		Value json.RawMessage `json:"value"`
	} `json:"result"`
	Guards json.RawMessage `json:"guards"`
}

// phpCall is a callback that ran.
type phpCall struct {
	Pattern string
	UserID  string
	Params  []string
}

// decide is the channel's callback: whether it allows, what it tells about the
// user, and the error it raises. Laravel refuses at once for false, asks the
// next channel for any other value that counts as false, and allows otherwise.
func (c phpChannel) decide() (info any, allowed bool, err error) {
	value := string(c.Result.Value)
	switch c.Result.Kind {
	case "throw_authorization":
		var message string
		if err := json.Unmarshal(c.Result.Value, &message); err != nil {
			return nil, false, err
		}
		return nil, false, auth.Deny(http.StatusForbidden, message)
	case "abort":
		status, err := strconv.Atoi(value)
		if err != nil {
			return nil, false, err
		}
		return nil, false, auth.Deny(status, "")
	case "object", "json_serializable":
		if value == "[]" {
			value = "{}"
		}
		return json.RawMessage(value), true, nil
	}
	switch value {
	case "false":
		return nil, false, nil
	case "null", "0", "0.0", `""`, `"0"`, "[]":
		return nil, false, auth.Pass
	}
	return json.RawMessage(value), true, nil
}

// guards returns the rule option for the channel's guards.
func (c phpChannel) guards() []auth.RuleOption {
	if c.Guards == nil {
		return nil
	}
	var names []string
	if json.Unmarshal(c.Guards, &names) != nil {
		var one string
		if err := json.Unmarshal(c.Guards, &one); err != nil {
			panic(err)
		}
		names = []string{one}
	}
	for i, name := range names {
		if name == "web" {
			names[i] = auth.DefaultGuard
		}
	}
	return []auth.RuleOption{auth.Guards(names...)}
}

// laravel is a handler with the row's users, and a record of what it asked.
type laravel struct {
	*auth.Handler[phpUser]
	calls []phpCall
}

func newLaravel(v recorded) *laravel {
	app := auth.App{ID: "1001", Key: v.Input.Key, Secret: v.Input.Secret, EncryptionKey: v.Input.EncryptionKey}
	user := func(name string) func(*http.Request) (*phpUser, error) {
		return func(*http.Request) (*phpUser, error) { return v.Input.Users[name], nil }
	}
	l := &laravel{Handler: auth.NewHandler(app, user("web"), quiet)}
	for name := range v.Input.Users {
		if name != "web" {
			l.Guard(name, user(name))
		}
	}
	return l
}

// channel registers a callback for both kinds of channels, as Laravel does.
func (l *laravel) channel(c phpChannel) {
	call := func(u *phpUser, s *auth.Subscription) {
		l.calls = append(l.calls, phpCall{c.Pattern, u.id(), paramsOf(c.Pattern, s)})
	}
	l.Private(c.Pattern, func(_ context.Context, u *phpUser, s *auth.Subscription) (bool, error) {
		call(u, s)
		_, allowed, err := c.decide()
		return allowed, err
	}, c.guards()...)
	l.Presence(c.Pattern, func(_ context.Context, u *phpUser, s *auth.Subscription) (*auth.Member, error) {
		call(u, s)
		info, allowed, err := c.decide()
		if !allowed {
			return nil, err
		}
		return &auth.Member{ID: u.id(), Info: info}, nil
	}, c.guards()...)
}

// paramsOf returns the values of the pattern's parameters in order.
func paramsOf(pattern string, s *auth.Subscription) []string {
	values := []string{}
	for rest := pattern; ; {
		_, after, found := strings.Cut(rest, "{")
		if !found {
			return values
		}
		var name string
		name, rest, _ = strings.Cut(after, "}")
		values = append(values, s.Param(name))
	}
}

// request builds the row's request.
func (v recorded) request() *http.Request {
	var params map[string]any
	if json.Unmarshal(v.Input.Params, &params) != nil {
		params = nil // an empty PHP array is a list
	}
	form := url.Values{}
	for name, value := range params {
		switch value := value.(type) {
		case string:
			form.Set(name, value)
		case []any:
			for _, element := range value {
				form.Add(name+"[]", element.(string))
			}
		}
	}
	var r *http.Request
	switch {
	case v.Input.Method != http.MethodPost:
		r = httptest.NewRequest(v.Input.Method, "/broadcasting/auth?"+form.Encode(), nil)
	case v.Input.JSONBody:
		r = httptest.NewRequest(http.MethodPost, "/broadcasting/auth", strings.NewReader(string(v.Input.Params)))
		r.Header.Set("Content-Type", "application/json")
	default:
		r = httptest.NewRequest(http.MethodPost, "/broadcasting/auth", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.Input.Accept != "" {
		r.Header.Set("Accept", v.Input.Accept)
	}
	return r
}

// recordedCalls decodes the callbacks that ran; user ids are numbers or texts.
func recordedCalls(t *testing.T, raw json.RawMessage) []phpCall {
	var list []struct {
		Pattern string          `json:"pattern"`
		UserID  json.RawMessage `json:"user_id"`
		Params  []string        `json:"params"`
	}
	require.NoError(t, json.Unmarshal(raw, &list))
	var calls []phpCall
	for _, c := range list {
		u := phpUser{ID: c.UserID}
		calls = append(calls, phpCall{c.Pattern, u.id(), c.Params})
	}
	return calls
}

// assertSameGrant compares a signed answer by value. The bytes of channel_data
// and user_data are each side's own, so a signature over them is checked
// instead of compared.
func assertSameGrant(t *testing.T, name, key, secret, want, got string) {
	t.Helper()
	w, g := decodeStrings(t, name, want), decodeStrings(t, name, got)
	data := ""
	for _, field := range []string{"channel_data", "user_data"} {
		if w[field] != "" {
			assert.Equal(t, decodeNumbers(t, w[field]), decodeNumbers(t, g[field]), "%s: %s", name, field)
			data = g[field]
		}
	}
	assert.Equal(t, w["shared_secret"], g["shared_secret"], name)
	assert.Len(t, g, len(w), "%s: %s", name, got)
	if data == w["channel_data"]+w["user_data"] {
		assert.Equal(t, w["auth"], g["auth"], name)
		return
	}
	assert.True(t, strings.HasPrefix(g["auth"], key+":"), "%s: %s", name, g["auth"])
}

func decodeStrings(t *testing.T, name, body string) map[string]string {
	t.Helper()
	var m map[string]string
	require.NoError(t, json.Unmarshal([]byte(body), &m), "%s: %s", name, body)
	return m
}

// decodeNumbers decodes JSON so that 1 and 1.0 are equal and 9007199254740993
// keeps its last digit.
func decodeNumbers(t *testing.T, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v), text)
	return numbers(v)
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		if n := int64(f); f == float64(n) && n < 1<<53 && n > -1<<53 {
			return n
		}
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

// assertSigned checks a signature over what it says it is over.
func assertSigned(t *testing.T, name, secret, authField string, parts ...string) {
	t.Helper()
	_, signature, _ := strings.Cut(authField, ":")
	assert.True(t, pusherproto.NewSigner(secret).Verify(signature, parts...), "%s: the signature is not that of %q", name, parts)
}
