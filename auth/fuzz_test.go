package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	pusher "github.com/pusher/pusher-http-go/v5"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// open is a handler that allows everything. What it tells about a member or a
// user is the user itself.
func open() *auth.Handler[auth.Member] {
	h := auth.NewHandler(testApp, func(*http.Request) (*auth.Member, error) { return &auth.Member{ID: "7"}, nil }, quiet,
		auth.WithRuleTimeout(-1), auth.WithMemberLimit(-1), auth.WithRefusalLimit(-1, 0))
	pattern := "{a}"
	for range 5 {
		h.Private(pattern, func(_ context.Context, _ *auth.Member, _ *auth.Subscription) (bool, error) { return true, nil })
		h.Presence(pattern, func(_ context.Context, m *auth.Member, _ *auth.Subscription) (*auth.Member, error) { return m, nil })
		pattern += ".{" + string(rune('a'+len(pattern)/4+1)) + "}"
	}
	h.Users(func(_ context.Context, m *auth.Member) (*auth.UserData, error) {
		return &auth.UserData{ID: m.ID, Info: m.Info}, nil
	})
	return h
}

func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		"socket_id=1.1&channel_name=private-a", "socket_id=1.1&channel_names[]=private-a&channel_names[]=presence-b",
		"socket_id=1.1&channel_name=private-a&channel_name=private-b", "%73ocket_id=1.1&channel_name=private%2Da&x=%zz",
		`{"socket_id":"1.1","channel_name":"private-a"}`, `{"socket_id":"1.1","channel_names":["private-a","private-a"]}`,
		`{"socket_id":"1.1","channel_name":"private-a","channel_name":"private-b"}`, `{"socket_id":1.1}`, `[]`, ``,
		`{"socket_id":"1.1","channel_n\u0061me":"private-\u0061","x":{"y":[[]]}}`,
	} {
		f.Add(false, body)
		f.Add(true, body)
	}
	h := open()
	f.Fuzz(func(t *testing.T, isJSON bool, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", formType)
		if isJSON {
			r.Header.Set("Content-Type", jsonType)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var got struct {
			answer
			Channels map[string]answer
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
		switch w.Code {
		case http.StatusOK:
		case http.StatusBadRequest, http.StatusForbidden, http.StatusRequestEntityTooLarge:
			if got.Auth != "" || got.Message == "" {
				t.Fatalf("a refusal says %s", w.Body)
			}
			return
		default:
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		socketID, name, ok := readPlainly(isJSON, body)
		if !ok {
			t.Fatalf("the standard library reads %q otherwise", body)
		}
		if got.Channels == nil {
			got.Channels = map[string]answer{name: got.answer}
		}
		for name, a := range got.Channels {
			if a.Auth != "" {
				checkGrant(t, socketID, name, a)
			}
		}
	})
}

// readPlainly reads a body that was taken as anybody would.
func readPlainly(isJSON bool, body string) (socketID, name string, ok bool) {
	if isJSON {
		var m struct {
			SocketID string `json:"socket_id"`
			Name     string `json:"channel_name"`
		}
		var exact map[string]json.RawMessage // encoding/json ignores case
		if json.Unmarshal([]byte(body), &exact) != nil {
			return "", "", false
		}
		var s string
		if json.Unmarshal(exact["socket_id"], &s) != nil {
			return "", "", false
		}
		m.SocketID = s
		if raw, found := exact["channel_name"]; found && json.Unmarshal(raw, &m.Name) != nil {
			return "", "", false
		}
		return m.SocketID, m.Name, true
	}
	form, err := url.ParseQuery(body)
	if err != nil {
		// A bad escape in a parameter that is none of ours.
		form = url.Values{}
		for pair := range strings.SplitSeq(body, "&") {
			if one, err := url.ParseQuery(pair); err == nil {
				for k, v := range one {
					form[k] = append(form[k], v...)
				}
			}
		}
	}
	return form.Get("socket_id"), form.Get("channel_name"), len(form["socket_id"]) == 1 && len(form["channel_name"]) <= 1
}

// checkGrant checks that what was signed is what was asked for.
func checkGrant(t *testing.T, socketID, name string, a answer) {
	ch, err := channel.Parse(name)
	if err != nil || !ch.Kind().Guarded() || !pusherproto.ValidSocketID(socketID) {
		t.Fatalf("%q was signed for socket %q", name, socketID)
	}
	signature, found := strings.CutPrefix(a.Auth, testApp.Key+":")
	if !found || !pusherproto.NewSigner(testApp.Secret).VerifyChannelAuth(signature, socketID, name, a.ChannelData) {
		t.Fatalf("%q does not sign %q for socket %q", a.Auth, name, socketID)
	}
	if (ch.Kind() == channel.KindPresence) != (a.ChannelData != "") || (ch.Kind() == channel.KindEncrypted) != (a.SharedSecret != "") {
		t.Fatalf("%q got %+v", name, a)
	}
}

// FuzzStringsToSign looks for two different inputs with one signature, which
// would be a grant for something else than was decided.
func FuzzStringsToSign(f *testing.F) {
	f.Add(0, "1.1", "private-a", "", 0, "1.1", "private-a.b", "")
	f.Add(0, "1.1", `presence-a:{"user_id":"7"}`, "", 1, "1.1", "presence-a", "7")
	f.Add(0, "1.1::user::", `{"id":"7"}`, "", 2, "1.1", "", "7")
	f.Add(0, "1.1", `:user::{"id":"7"}`, "", 2, "1.1", "", "7")
	f.Add(1, "1.1", "presence-a", `7","user_info":"x`, 1, "1.1", "presence-a", "7")
	f.Add(1, "1.1", "presence-a", "\xff", 1, "1.1", "presence-a", "\ufffd")
	f.Add(0, "1.11", "private-a", "", 0, "1.1", "1private-a", "")
	h := open()
	f.Fuzz(func(t *testing.T, op1 int, socket1, name1, id1 string, op2 int, socket2, name2, id2 string) {
		auth1, input1, ok1 := grantOf(t, h, op1, socket1, name1, id1)
		auth2, input2, ok2 := grantOf(t, h, op2, socket2, name2, id2)
		if ok1 && ok2 && (auth1 == auth2) != (input1 == input2) {
			t.Fatalf("%+v and %+v are signed %q and %q", input1, input2, auth1, auth2)
		}
	})
}

// input is what a signature is about.
type input struct {
	signIn       bool
	socket, name string
	id           string
}

// grantOf authorises a channel, or a sign-in when op%3 is 2.
func grantOf(t *testing.T, h *auth.Handler[auth.Member], op int, socket, name, id string) (string, input, bool) {
	who := h.As(&auth.Member{ID: id})
	if op%3 == 2 {
		g, err := h.AuthorizeUser(t.Context(), who, socket)
		if err != nil {
			return "", input{}, false
		}
		return g.Auth, input{signIn: true, socket: socket, id: id}, true
	}
	ch, err := channel.Parse(name)
	if err != nil {
		return "", input{}, false
	}
	g, err := h.Authorize(t.Context(), who, socket, ch)
	if err != nil {
		if _, refused := errors.AsType[*auth.DenyError](err); !refused {
			t.Fatal(err)
		}
		return "", input{}, false
	}
	in := input{socket: socket, name: name}
	if ch.Kind() == channel.KindPresence {
		in.id = id
	}
	return g.Auth, in, true
}

// FuzzAgainstPushersLibrary compares our signatures with those of
// pusher-http-go, where it accepts what we accept.
func FuzzAgainstPushersLibrary(f *testing.F) {
	f.Add("1234.1234", "private-foobar", "7", "Ada")
	f.Add("1.1", "private-encrypted-foo", "", "")
	f.Add("1.1", "presence-a", "zoë", `<"&>`)
	f.Add("1.1", "private-a@b;c", "a", "\u2028")
	f.Add("1.1", "presence-a", "<&>\x7f", "")
	h := open()
	client := pusher.Client{AppID: testApp.ID, Key: testApp.Key, Secret: testApp.Secret, EncryptionMasterKeyBase64: testApp.EncryptionKey}
	f.Fuzz(func(t *testing.T, socketID, name, id, value string) {
		if !utf8.ValidString(value) {
			return // encoding/json makes U+FFFD of it on both sides, at different times
		}
		body := []byte(url.Values{"socket_id": {socketID}, "channel_name": {name}}.Encode())
		info := map[string]string{"x": value}
		who := h.As(&auth.Member{ID: id, Info: info})

		if ours, err := h.AuthorizeUser(t.Context(), who, socketID); err == nil {
			theirs, err := client.AuthenticateUser(body, map[string]any{"id": id, "user_info": info})
			compare(t, mustMarshal(ours), theirs, err)
		}
		ch, err := channel.Parse(name)
		if err != nil {
			return
		}
		ours, err := h.Authorize(t.Context(), who, socketID, ch)
		if err != nil {
			return
		}
		var theirs []byte
		if ch.Kind() == channel.KindPresence {
			theirs, err = client.AuthorizePresenceChannel(body, pusher.MemberData{UserID: id, UserInfo: info})
		} else {
			theirs, err = client.AuthorizePrivateChannel(body)
		}
		compare(t, mustMarshal(ours), theirs, err)
	})
}

func compare(t *testing.T, ours string, theirs []byte, err error) {
	t.Helper()
	var a, b map[string]string
	if err != nil || json.Unmarshal(theirs, &b) != nil || json.Unmarshal([]byte(ours), &a) != nil {
		t.Fatalf("theirs: %s, %v; ours: %s", theirs, err, ours)
	}
	if len(a) != len(b) {
		t.Fatalf("theirs: %s; ours: %s", theirs, ours)
	}
	for k := range a {
		if a[k] != b[k] {
			t.Fatalf("%s: theirs: %s; ours: %s", k, theirs, ours)
		}
	}
}
