package auth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/vectortest"
)

// recordedUser is a row of user_auth.json.
type recordedUser struct {
	recorded
	Input struct {
		Result json.RawMessage `json:"callback_result"`
		Kind   string          `json:"callback_result_kind"`
	}
}

// UnmarshalJSON decodes the input twice: as that of every row, and for what
// only these rows have.
func (v *recordedUser) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &v.recorded); err != nil {
		return err
	}
	return json.Unmarshal(b, &struct{ Input any }{&v.Input})
}

// userData is what the callback returned, as far as Go can say it; ok is false
// where the compiler refuses it.
func (v recordedUser) userData() (u *auth.UserData, ok bool) {
	switch string(v.Input.Result) {
	case "null", "[]", `""`, "0":
		return nil, true
	}
	var fields map[string]json.RawMessage
	if v.Input.Kind == "object" || json.Unmarshal(v.Input.Result, &fields) != nil {
		return nil, string(v.Input.Result) == `["7","Ada"]` // a list has no id
	}
	u = &auth.UserData{ID: (&phpUser{ID: fields["id"]}).id()}
	if string(fields["id"]) == "false" || string(fields["id"]) == `["x"]` {
		u.ID = ""
	}
	if info, ok := fields["user_info"]; ok {
		u.Info = info
	}
	if list, ok := fields["watchlist"]; ok {
		if err := json.Unmarshal(list, &u.Watchlist); err != nil {
			panic(err)
		}
	}
	for name, value := range fields {
		switch name {
		case "id", "user_info", "watchlist":
		default:
			if u.Extra == nil {
				u.Extra = map[string]any{}
			}
			u.Extra[name] = value
		}
	}
	return u, true
}

// oursUser are the rows on which we differ on purpose, with our status.
var oursUser = map[string]int{
	"GET": 405, // POST only
	"integer id stays an integer in user_data": 200, // an id is a string, always
	"socket_id bad, callback gives null":       400, // syntax is checked first
	"id missing":                               403,
	"id false":                                 403,
	"id array":                                 403,
	"list instead of a map":                    403,
	"socket_id empty":                          400,
	"socket_id signature splice":               400,
	"socket_id missing":                        400,
	"driver log: array":                        200, // signing in does not depend on the driver
	"driver ably: array":                       200,
	"driver null: array":                       200,
}

func TestLaravelsUserAuthentication(t *testing.T) {
	t.Parallel()
	var n vectortest.Tally
	for _, v := range vectortest.Rows[recordedUser](t, "user_auth.json") {
		u, ok := v.userData()
		if v.Input.Result != nil && !ok {
			n.None++ // true, a string, an object: not a *UserData
			continue
		}
		n.Add(userVector(t, v, u))
	}
	n.Report(t, "user_auth.json", vectortest.Tally{Agree: 21, Differ: 13, None: 3})
}

// userVector reports whether the row agrees. Laravel's callback is asked
// whoever is logged in, ours only about a user, so somebody is.
func userVector(t *testing.T, v recordedUser, u *auth.UserData) bool {
	asked := 0
	v.recorded.Input.Users = map[string]*phpUser{"web": {ID: json.RawMessage("7")}}
	l := newLaravel(v.recorded)
	if v.Input.Result == nil {
		id := l.As(&phpUser{})
		_, err := l.AuthorizeUser(t.Context(), id, "1.1")
		var deny *auth.DenyError
		require.ErrorAs(t, err, &deny, v.Name)
		assert.Equal(t, v.Want.Status, deny.Status, v.Name)
		return true
	}
	users := l.Users(func(context.Context, *phpUser) (*auth.UserData, error) { asked++; return u, nil })
	w := httptest.NewRecorder()
	users.ServeHTTP(w, v.request())
	assertJSONAnswer(t, v.Name, w)

	status, differs := oursUser[v.Name]
	if !differs {
		assert.Equal(t, v.Want.Status, w.Code, v.Name)
		status = w.Code
	}
	assert.Equal(t, status, w.Code, v.Name)
	if status == http.StatusOK {
		assertUserGrant(t, v, w.Body.String(), differs)
	}
	if status == http.StatusBadRequest || status == http.StatusMethodNotAllowed {
		assert.Zero(t, asked, v.Name)
	} else {
		assert.Equal(t, 1, asked, v.Name)
	}
	return !differs
}

func assertUserGrant(t *testing.T, v recordedUser, body string, differs bool) {
	got := decodeStrings(t, v.Name, body)
	data := got["user_data"]
	assertSigned(t, v.Name, v.recorded.Input.Secret, got["auth"], "", socketOf(t, v.recorded), "::user::", data)
	if !differs {
		assertSameGrant(t, v.Name, v.recorded.Input.Key, v.recorded.Input.Secret, *v.Want.Body, body)
		return
	}
	want, ok := decodeNumbers(t, string(v.Input.Result)).(map[string]any)
	require.True(t, ok, v.Name)
	want["id"] = (&phpUser{ID: json.RawMessage(mustMarshal(want["id"]))}).id()
	assert.Equal(t, want, decodeNumbers(t, data), v.Name)
}

func socketOf(t *testing.T, v recorded) string {
	var params struct {
		SocketID string `json:"socket_id"`
	}
	require.NoError(t, json.Unmarshal(v.Input.Params, &params), v.Name)
	return params.SocketID
}

func mustMarshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
