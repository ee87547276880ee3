package auth_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/vectortest"
)

// ours are the rows on which we differ from Laravel on purpose, although its
// answer is no accident: our status, and what follows from it.
var ours = map[string]struct {
	status int
	userID string // on a presence channel
	why    string
}{
	"private-encrypted: empty rest":                                {400, "", "a name needs something behind its prefix"},
	"socket_id long":                                               {400, "", "at most 20 digits a side"},
	"socket_id invalid but callback denies":                        {400, "", "syntax is checked before any rule"},
	"channel_name with an encoded newline after a literal pattern": {400, "", "syntax is checked before any rule"},
	"channel name 201 long":                                        {400, "", "at most 200 bytes"},
	"channel name 500 long":                                        {400, "", "at most 200 bytes"},
	"presence user_id empty string":                                {403, "", "a member needs an id"},
	"GET with a query string":                                      {405, "", "POST only"},
	"guard: the first matching pattern decides the guard of the later ones too":         {200, "7", "guards belong to their own rule"},
	"guard: first matching pattern without guards, second with admin":                   {200, "99", "guards belong to their own rule"},
	"driver null: private-foobar":                                                       {200, "", "authorisation does not depend on the driver"},
	"driver null: private-nope":                                                         {403, "", "authorisation does not depend on the driver"},
	"driver null: private-foobar denied":                                                {403, "", "authorisation does not depend on the driver"},
	"driver null: private-encrypted-foobar":                                             {500, "", "an encrypted channel needs an encryption key, whatever the driver"},
	"driver log: private-nope":                                                          {403, "", "authorisation does not depend on the driver"},
	"driver log: private-foobar denied":                                                 {403, "", "authorisation does not depend on the driver"},
	"driver log: private-foobar guest":                                                  {403, "", "authorisation does not depend on the driver"},
	"driver log: private-encrypted-foobar":                                              {500, "", "an encrypted channel needs an encryption key, whatever the driver"},
	"driver none: private-foobar":                                                       {200, "", "authorisation does not depend on the driver"},
	"driver none: private-foobar denied":                                                {403, "", "authorisation does not depend on the driver"},
	"driver none: private-encrypted-foobar":                                             {500, "", "an encrypted channel needs an encryption key, whatever the driver"},
	"driver redis: private-foobar":                                                      {200, "", "authorisation does not depend on the driver"},
	"driver redis: presence-foobar":                                                     {200, "7", "authorisation does not depend on the driver"},
	"driver redis: private-nope":                                                        {403, "", "authorisation does not depend on the driver"},
	"driver redis: private-foobar denied":                                               {403, "", "authorisation does not depend on the driver"},
	"driver redis: private-foobar guest":                                                {403, "", "authorisation does not depend on the driver"},
	"driver redis: bad socket_id is not looked at":                                      {400, "", "syntax is checked before any rule"},
	"driver redis: key prefix stripped before the pattern, not before the prefix check": {403, "", "a public channel needs no authorisation"},
	"driver ably: private-foobar":                                                       {200, "", "signed as for every driver"},
	"driver ably: private-nope":                                                         {403, "", "signed as for every driver"},
	"driver ably: private-foobar denied":                                                {403, "", "signed as for every driver"},
	"driver ably: presence, callback true":                                              {200, "7", "signed as for every driver"},
	"driver ably: presence, user id 0":                                                  {200, "0", "no id is dropped"},
}

// otherwise is our status on rows that the recommendations decide by kind.
var otherwise = map[string]map[string]int{
	"trimmed-input": {"": 400}, // nothing is trimmed
	"public-name":   {"": 403}, // only private, presence and encrypted names are signed
	"jsonp":         {"": 405}, // there is no JSONP
	"http-method":   {http.MethodPut: 405, http.MethodHead: 405, http.MethodOptions: 204},
}

func TestLaravelsChannelAuthorisation(t *testing.T) {
	t.Parallel()
	var n vectortest.Tally
	for _, v := range vectortest.Rows[recorded](t, "auth.json") {
		v.Want.Calls = recordedCallsOf(t, v)
		switch {
		case v.Input.Register != "":
			switch test, ok := registered[v.Name]; {
			case !ok:
				t.Errorf("%s: no test", v.Name)
			case test.register == nil:
				n.None++
			default:
				n.Add(registeredVector(t, v, test))
			}
		case v.Name == "empty secret":
			assert.PanicsWithValue(t, `auth: NewHandler: auth: app "1001": missing Secret`, func() { newLaravel(v) })
			n.Differ++
		default:
			n.Add(authVector(t, v))
		}
	}
	n.Report(t, "auth.json", vectortest.Tally{Agree: 93, Differ: 85, None: 2})
}

// recordedCallsOf decodes the calls of rows whose callbacks are data.
func recordedCallsOf(t *testing.T, v recorded) []phpCall {
	if v.Input.Register != "" {
		return nil
	}
	return recordedCalls(t, v.Want.RawCalls)
}

// authVector reports whether the row agrees, and asserts our answer where it
// must not.
func authVector(t *testing.T, v recorded) bool {
	l := newLaravel(v)
	for _, c := range v.Input.Channels {
		if why := unregistrable(c, v); why != "" {
			assert.Panics(t, func() { l.channel(c) }, "%s: %s", v.Name, why)
			continue
		}
		l.channel(c)
	}
	w := httptest.NewRecorder()
	l.ServeHTTP(w, v.request())
	assertJSONAnswer(t, v.Name, w)

	if o, ok := ours[v.Name]; ok {
		assert.Equal(t, o.status, w.Code, "%s: %s", v.Name, o.why)
		if o.userID != "" {
			data := decodeStrings(t, v.Name, w.Body.String())["channel_data"]
			assert.Equal(t, o.userID, decodeNumbers(t, data).(map[string]any)["user_id"], v.Name)
		}
		assertNoCalls(t, v.Name, w.Code, l.calls)
		return false
	}
	if by, ok := otherwise[v.Hint]; ok {
		status := by[""]
		if status == 0 {
			status = by[v.Input.Method]
		}
		assert.Equal(t, status, w.Code, v.Name)
		assert.Empty(t, l.calls, v.Name)
		return false
	}
	switch v.Hint {
	case "laravel-500":
		want := []int{400, 403}
		if v.Input.Method == http.MethodGet {
			want = []int{405}
		}
		assert.Contains(t, want, w.Code, v.Name)
		assertNoCalls(t, v.Name, w.Code, l.calls)
		return false
	case "same":
		assert.Equal(t, v.Want.Status, w.Code, v.Name)
		assert.Equal(t, v.Want.Calls, l.calls, v.Name)
		if w.Code == http.StatusOK {
			assertGrant(t, v, w.Body.String())
		}
		return true
	}
	t.Errorf("%s: unexpected hint %q", v.Name, v.Hint)
	return false
}

// unregistrable tells why we refuse the channel at start-up, or "".
func unregistrable(c phpChannel, v recorded) string {
	switch {
	case c.Pattern == "":
		return "no legal name matches the empty pattern"
	case c.Pattern == "#server-to-user-{id}":
		return "no legal name has a # behind its prefix"
	case v.Name == "guard: unknown guard":
		return "the guard is unknown"
	}
	return ""
}

// assertGrant compares a signed answer with the recorded one.
func assertGrant(t *testing.T, v recorded, body string) {
	require.NotNil(t, v.Want.Body, v.Name)
	assertSameGrant(t, v.Name, v.Input.Key, v.Input.Secret, *v.Want.Body, body)
	var params struct {
		SocketID    string `json:"socket_id"`
		ChannelName string `json:"channel_name"`
	}
	require.NoError(t, json.Unmarshal(v.Input.Params, &params))
	got := decodeStrings(t, v.Name, body)
	parts := []string{params.SocketID, ":", params.ChannelName}
	if data := got["channel_data"]; data != "" {
		parts = append(parts, ":", data)
	} else if v.Want.StringToSign != "" {
		assertSigned(t, v.Name, v.Input.Secret, got["auth"], v.Want.StringToSign)
	}
	assertSigned(t, v.Name, v.Input.Secret, got["auth"], parts...)
}

// assertNoCalls checks that what is malformed reaches no rule.
func assertNoCalls(t *testing.T, name string, status int, calls []phpCall) {
	if status == http.StatusBadRequest || status == http.StatusMethodNotAllowed {
		assert.Empty(t, calls, name)
	}
}

// assertJSONAnswer checks what every answer with a body has.
func assertJSONAnswer(t *testing.T, name string, w *httptest.ResponseRecorder) {
	if w.Code == http.StatusNoContent {
		assert.Zero(t, w.Body.Len(), name)
		return
	}
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"), name)
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"), name)
	assert.True(t, json.Valid(w.Body.Bytes()), "%s: %s", name, w.Body)
}
