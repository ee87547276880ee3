package auth_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/auth"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

func TestBodies(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("x", 64<<10)
	for _, test := range []struct {
		name, contentType, body string
		status                  int
		message                 string
	}{
		{"a form", formType, "socket_id=1.1&channel_name=private-a", 200, ""},
		{"a form with a charset", formType + "; charset=UTF-8", "socket_id=1.1&channel_name=private-a", 200, ""},
		{"a media type in capitals", "Application/X-WWW-Form-URLEncoded", "socket_id=1.1&channel_name=private-a", 200, ""},
		{"encoded names and values", formType, "s%6Fcket_id=%31.1&channel%5Fname=private%2Da", 200, ""},
		{"unknown parameters", formType, "a=b&socket_id=1.1&&c&channel_name=private-a&a[]=1&a=2", 200, ""},
		{"JSON", jsonType, `{"socket_id":"1.1","channel_name":"private-a"}`, 200, ""},
		{"JSON with a charset", jsonType + "; charset=utf-8", ` { "channel_name" : "private\u002da" , "socket_id" : "1.1" } `, 200, ""},
		{"unknown members", jsonType, `{"socket_id":"1.1","x":[{"y":null}],"channel_name":"private-a","z":1e9}`, 200, ""},

		{"no media type", "", "socket_id=1.1&channel_name=private-a", 415, "send application/x-www-form-urlencoded or application/json"},
		{"a broken media type", "application/json; x", `{"socket_id":"1.1","channel_name":"private-a"}`, 415, ""},
		{"multipart", "multipart/form-data; boundary=x", "--x--", 415, ""},
		{"text", "text/plain", `{"socket_id":"1.1","channel_name":"private-a"}`, 415, ""},
		{"other JSON", "application/problem+json", `{}`, 415, ""},
		{"a form too large", formType, "socket_id=1.1&channel_name=private-a&x=" + filler, 413, "the body is larger than 64 KiB"},
		{"JSON too large", jsonType, `{"socket_id":"1.1","channel_name":"private-a","x":"` + filler + `"}`, 413, ""},

		{"nothing", formType, "", 400, "socket_id is missing, or is not two numbers with a dot between them"},
		{"no socket id", formType, "channel_name=private-a", 400, "socket_id is missing, or is not two numbers with a dot between them"},
		{"no channel name", formType, "socket_id=1.1", 400, "channel_name is missing or empty"},
		{"an empty channel name", formType, "socket_id=1.1&channel_name=", 400, "channel_name is missing or empty"},
		{"only a prefix", formType, "socket_id=1.1&channel_name=private-", 400, "channel_name is missing or empty"},
		{"a long channel name", formType, "socket_id=1.1&channel_name=private-" + strings.Repeat("a", 193), 400, "channel_name is longer than 200 bytes"},
		{"a bad channel name", formType, "socket_id=1.1&channel_name=private-a:b", 400, "channel_name has a character that is not allowed"},
		{"a plus is a space", formType, "socket_id=1.1&channel_name=private-a+b", 400, "channel_name has a character that is not allowed"},
		{"a bad escape", formType, "socket_id=1.1&channel_name=private-%zz", 400, "the body is not a form"},
		{"a bad escape in a name", formType, "%zz=1&socket_id=1.1&channel_name=private-a", 400, "the body is not a form"},
		{"a semicolon", formType, "socket_id=1.1;channel_name=private-a", 400, "the body is not a form"},
		{"two socket ids", formType, "socket_id=1.1&socket_id=1.1&channel_name=private-a", 400, "socket_id is given twice"},
		{"two channel names", formType, "socket_id=1.1&channel_name=private-a&channel%5fname=private-b", 400, "channel_name is given twice"},
		{"a list of socket ids", formType, "socket_id[]=1.1&channel_name=private-a", 400, "socket_id must be one string"},
		{"a map of channel names", formType, "socket_id=1.1&channel_name[x]=private-a", 400, "channel_name must be one string"},
		{"names without brackets", formType, "socket_id=1.1&channel_names=private-a", 400, "send several names as channel_names[]"},
		{"names with an index", formType, "socket_id=1.1&channel_names[0]=private-a", 400, "send several names as channel_names[]"},
		{"one name and several", formType, "socket_id=1.1&channel_name=private-a&channel_names[]=private-a", 400, "send either channel_name or channel_names[]"},
		{"JSON for a form", formType, `{"socket_id":"1.1","channel_name":"private-a"}`, 400, ""},

		{"no JSON", jsonType, "", 400, "the body: not valid JSON"},
		{"a form for JSON", jsonType, "socket_id=1.1&channel_name=private-a", 400, "the body: not valid JSON"},
		{"an array", jsonType, `["1.1"]`, 400, "the body: not a JSON object"},
		{"null", jsonType, `null`, 400, "the body: not a JSON object"},
		{"half an object", jsonType, `{"socket_id":"1.1","channel_name":"private-a"`, 400, "the body: not valid JSON"},
		{"two objects", jsonType, `{"socket_id":"1.1","channel_name":"private-a"}{}`, 400, "the body: not valid JSON"},
		{"a member twice", jsonType, `{"socket_id":"1.1","channel_name":"private-a","channel_n\u0061me":"private-b"}`, 400, "the body: a JSON object with a name given twice"},
		{"an unknown member twice", jsonType, `{"socket_id":"1.1","x":1,"channel_name":"private-a","x":2}`, 400, "the body: a JSON object with a name given twice"},
		{"a number", jsonType, `{"socket_id":1.1,"channel_name":"private-a"}`, 400, "socket_id has the wrong type; names and ids are strings, channel_names is an array of them"},
		{"a list", jsonType, `{"socket_id":"1.1","channel_name":["private-a"]}`, 400, "channel_name has the wrong type; names and ids are strings, channel_names is an array of them"},
		{"a null", jsonType, `{"socket_id":"1.1","channel_name":null}`, 400, ""},
		{"names that are no list", jsonType, `{"socket_id":"1.1","channel_names":"private-a"}`, 400, ""},
		{"a list with a number", jsonType, `{"socket_id":"1.1","channel_names":["private-a",1]}`, 400, ""},
		{"one name and several in JSON", jsonType, `{"socket_id":"1.1","channel_name":"private-a","channel_names":["private-a"]}`, 400, "send either channel_name or channel_names[]"},
		{"nested too deep", jsonType, `{"socket_id":"1.1","channel_name":"private-a","x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, 400, "the body: JSON nested deeper than 16"},
		{"not UTF-8", jsonType, "{\"socket_id\":\"1.1\",\"channel_name\":\"private-a\",\"x\":\"\xff\"}", 400, "the body: not valid JSON"},
		{"a byte order mark", jsonType, "\ufeff{\"socket_id\":\"1.1\",\"channel_name\":\"private-a\"}", 400, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHandler()
			h.Private("a", allow)
			r := httptest.NewRequest(http.MethodPost, "/broadcasting/auth?socket_id=1.1&channel_name=private-a", strings.NewReader(test.body))
			r.Header.Set("X-User", "7")
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			a := ask(t, h, r)
			assert.Equal(t, test.status, a.Status, a.Raw)
			if test.message != "" {
				assert.Equal(t, test.message, a.Message)
			}
			assert.Equal(t, test.status == 200, a.Auth != "")
			assert.Equal(t, "application/json", a.Header.Get("Content-Type"))
			assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
		})
	}
}

// brokenBody fails in the middle, as when the client goes away.
type brokenBody struct{ io.Reader }

func (b brokenBody) Read(p []byte) (int, error) {
	if n, err := b.Reader.Read(p); err == nil {
		return n, nil
	}
	return 0, io.ErrUnexpectedEOF
}

// unread fails the test when it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, errors.New("read")
}

// TestLogNamesTheChannelOfABrokenRequest as far as it was read.
func TestLogNamesTheChannelOfABrokenRequest(t *testing.T) {
	t.Parallel()
	var l log
	ask(t, newHandler(l.option()), form("channel_name=private-a&socket_id=1.1&socket_id=1.1"))
	assert.Contains(t, l.String(), "socket_id is given twice")
	assert.Contains(t, l.String(), "channel=private-a")
}

func TestABodyThatBreaksOff(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a", allow)
	r := form("")
	r.Body = io.NopCloser(brokenBody{strings.NewReader("socket_id=1.1&channel_name=private-a")})
	a := ask(t, h, r)
	assert.Equal(t, http.StatusBadRequest, a.Status)
	assert.Equal(t, "the body is incomplete", a.Message)
}

func TestBodiesThatAreNotWantedAreNotRead(t *testing.T) {
	t.Parallel()
	h := newHandler()
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
		a := ask(t, h, httptest.NewRequest(method, "/", unread{t}))
		assert.Equal(t, "OPTIONS, POST", a.Header.Get("Allow"), method)
		if method == http.MethodOptions {
			assert.Equal(t, http.StatusNoContent, a.Status)
			continue
		}
		assert.Equal(t, http.StatusMethodNotAllowed, a.Status, method)
		assert.Equal(t, "use POST", a.Message)
	}
	r := httptest.NewRequest(http.MethodPost, "/", unread{t})
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	assert.Equal(t, http.StatusUnsupportedMediaType, ask(t, h, r).Status)
}

func TestDevelopmentTellsWhatIsWrongWithAName(t *testing.T) {
	t.Parallel()
	h := newHandler(auth.WithDevelopment(true))
	a := ask(t, h, subscribe("private-orders%20%7B"))
	assert.Equal(t, http.StatusBadRequest, a.Status)
	assert.Equal(t, `channel_name has a character that is not allowed: channel: name "private-orders {" has the character ' ' at byte 14; letters, digits and _ - = @ , . ; are allowed`, a.Message)
}
