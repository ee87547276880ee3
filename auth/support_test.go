package auth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
)

// testApp is the key pair of the examples in Pusher's documentation.
var testApp = auth.App{
	ID: "1001", Key: "278d425bdf160c739803", Secret: "7ad3773142a6692b25b8",
	EncryptionKey: "TO7HtFuTOdBKLFv8ZgRKdX8ah6TkGJfMHP4TUTkmE2g=",
}

// user is the user of an application.
type user struct{ id string }

// session is how tests log in: the name of the user in a header.
func session(header string) func(*http.Request) (*user, error) {
	return func(r *http.Request) (*user, error) {
		if id := r.Header.Get(header); id != "" {
			return &user{id}, nil
		}
		return nil, nil
	}
}

// newHandler returns a handler whose users name themselves in X-User.
func newHandler(options ...auth.Option) *auth.Handler[user] {
	return auth.NewHandler(testApp, session("X-User"), append([]auth.Option{quiet}, options...)...)
}

// quiet keeps a test's expected faults out of its output.
var quiet = auth.WithLogger(slog.New(slog.DiscardHandler))

// log keeps what is logged.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// option makes a handler log here, everything.
func (l *log) option() auth.Option { return l.at(slog.LevelDebug) }

// at makes a handler log here from that level on.
func (l *log) at(level slog.Level) auth.Option {
	return auth.WithLogger(slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level})))
}

// form is a request as pusher-js sends it, by user 7.
func form(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/broadcasting/auth", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-User", "7")
	return r
}

// subscribe is a request for one channel, by user 7.
func subscribe(name string) *http.Request { return form("socket_id=1234.1234&channel_name=" + name) }

// answer is a decoded answer.
type answer struct {
	Status       int
	Header       http.Header `json:"-"`
	Auth         string      `json:"auth"`
	ChannelData  string      `json:"channel_data"`
	SharedSecret string      `json:"shared_secret"`
	UserData     string      `json:"user_data"`
	Message      string      `json:"message"`
	Raw          string      `json:"-"`
}

// ask sends a request.
func ask(t testing.TB, h http.Handler, r *http.Request) answer {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	a := answer{Header: w.Header(), Raw: w.Body.String()}
	if w.Body.Len() > 0 {
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a), a.Raw)
	}
	a.Status = w.Code
	return a
}

// allow is a rule.
func allow(context.Context, *user, *auth.Subscription) (bool, error) { return true, nil }

// member is a rule.
func member(_ context.Context, u *user, _ *auth.Subscription) (*auth.Member, error) {
	return &auth.Member{ID: u.id}, nil
}

// says is a rule that always answers the same.
func says(ok bool, err error) func(context.Context, *user, *auth.Subscription) (bool, error) {
	return func(context.Context, *user, *auth.Subscription) (bool, error) { return ok, err }
}

// blockFor60s is a rule that ignores its context, in the time of a synctest
// bubble.
func blockFor60s() { <-time.After(time.Minute) }
