package pusher_test

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/internal/pusherproto"
)

// The credentials of the tests. Those that must show up nowhere are marked.
const (
	appID     = "1001"
	appKey    = "canary-key-278d425bdf160c739803"
	appSecret = "canary-secret-7ad3773142a6692b25b8"
	masterKey = "TO7HtFuTOdBKLFv8ZgRKdX8ah6TkGJfMHP4TUTkmE2g="
)

func testApp() auth.App {
	return auth.App{ID: appID, Key: appKey, Secret: appSecret, EncryptionKey: masterKey}
}

// discard and silent are the logs of what is meant to go wrong.
var (
	discard = log.New(io.Discard, "", 0)
	silent  = slog.New(slog.DiscardHandler)
)

// assertNoSecrets looks for what no error and no log may show.
func assertNoSecrets(t testing.TB, text string) {
	t.Helper()
	for _, secret := range []string{appKey, appSecret, masterKey} {
		assert.NotContains(t, text, secret)
	}
	assert.NotRegexp(t, `[0-9a-fA-F]{64}`, text, "a signature")
}

// request is one that the service got.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         []byte
}

// wireEvent is one that a request carries.
type wireEvent struct {
	Name     string   `json:"name"`
	Channel  string   `json:"channel"`
	Channels []string `json:"channels"`
	Data     *string  `json:"data"`
	SocketID string   `json:"socket_id"`
}

// events returns what the request publishes, channels joined in one list.
func (r request) events(t testing.TB) []wireEvent {
	t.Helper()
	var list []wireEvent
	if strings.HasSuffix(r.path, "/batch_events") {
		var body struct {
			Batch []wireEvent `json:"batch"`
		}
		require.NoError(t, json.Unmarshal(r.body, &body))
		list = body.Batch
	} else {
		var one wireEvent
		require.NoError(t, json.Unmarshal(r.body, &one))
		list = []wireEvent{one}
	}
	for i := range list {
		if list[i].Channel != "" {
			list[i].Channels = append(list[i].Channels, list[i].Channel)
		}
	}
	return list
}

// service is a scripted service of the Pusher API. It checks the signature of
// every request by itself, records it, and answers {} unless told otherwise.
type service struct {
	*httptest.Server
	secrets map[string]string // of each key
	// answer answers the request with that number, from 0, and reports whether
	// it did.
	answer func(w http.ResponseWriter, r request, n int) bool

	mu       sync.Mutex
	requests []request
	faults   []string
}

func quietServer(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = discard
	return s
}

func startPlain(h http.Handler) *httptest.Server {
	s := quietServer(h)
	s.Start()
	return s
}

func startTLS(h http.Handler) *httptest.Server {
	s := quietServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	return s
}

func newService(t testing.TB, answer func(w http.ResponseWriter, r request, n int) bool) *service {
	t.Helper()
	return startService(t, startPlain, answer)
}

func startService(t testing.TB, start func(http.Handler) *httptest.Server, answer func(w http.ResponseWriter, r request, n int) bool) *service {
	t.Helper()
	s := &service{answer: answer, secrets: map[string]string{appKey: appSecret}}
	s.Server = start(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		assert.Empty(t, s.faults, "requests that break the protocol")
	})
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	got := request{r.Method, r.URL.Path, r.URL.Query(), r.Header, body}
	s.mu.Lock()
	n := len(s.requests)
	s.requests = append(s.requests, got)
	if fault := protocolFault(r, body, s.secrets[r.URL.Query().Get("auth_key")]); fault != "" || err != nil {
		s.faults = append(s.faults, r.Method+" "+r.URL.Path+": "+fault)
	}
	s.mu.Unlock()
	if s.answer != nil && s.answer(w, got, n) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}")
}

// protocolFault checks a request as Pusher Channels does.
func protocolFault(r *http.Request, body []byte, secret string) string {
	query := r.URL.Query()
	var pairs []string
	for name, values := range query {
		if len(values) != 1 {
			return "parameter " + name + " stands several times"
		}
		if name != "auth_signature" {
			pairs = append(pairs, strings.ToLower(name)+"="+values[0])
		}
	}
	slices.Sort(pairs)
	path := r.URL.Path
	if i := strings.Index(path, "/apps/"); i > 0 {
		path = path[i:] // mounted below a prefix, which is not signed
	}
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, r.Method+"\n"+path+"\n"+strings.Join(pairs, "&"))
	sum := md5.Sum(body)
	switch {
	case query.Get("auth_signature") != hex.EncodeToString(mac.Sum(nil)):
		return "wrong signature"
	case len(body) > 0 && query.Get("body_md5") != hex.EncodeToString(sum[:]):
		return "wrong body_md5"
	case query.Get("auth_version") != "1.0":
		return "wrong auth_version"
	case r.Method == http.MethodPost && r.Header.Get("Content-Type") != "application/json":
		return "wrong content type"
	case r.Method == http.MethodPost && !json.Valid(body):
		return "body is no JSON"
	}
	return ""
}

func (s *service) got() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// published returns every event of every request in order.
func (s *service) published(t testing.TB) []wireEvent {
	t.Helper()
	var all []wireEvent
	for _, r := range s.got() {
		all = append(all, r.events(t)...)
	}
	return all
}

// config returns the config of a driver that talks to the service.
// config leads to the service. On a busy machine it may take longer than
// [pusher.DefaultTimeout] to answer.
func (s *service) config() pusher.Config {
	return pusher.Config{App: testApp(), Host: strings.TrimPrefix(s.URL, "http://"), Insecure: true, Timeout: time.Minute}
}

func (s *service) driver(t testing.TB) *pusher.Driver {
	t.Helper()
	return newDriver(t, s.config())
}

func newDriver(t testing.TB, c pusher.Config) *pusher.Driver {
	t.Helper()
	d, err := pusher.New(c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Shutdown(context.WithoutCancel(t.Context()))) })
	return d
}

// status answers every request with a status and a body.
func status(code int, body string, headers ...string) func(http.ResponseWriter, request, int) bool {
	return func(w http.ResponseWriter, _ request, _ int) bool {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
		return true
	}
}

func message(name, data string, on ...channel.Channel) broadcast.Message {
	return broadcast.Message{ID: "id-" + name, Event: name, Channels: on, Data: data}
}

// messages returns n messages, each to a private channel of its own.
func messages(n int) []broadcast.Message {
	list := make([]broadcast.Message, n)
	for i := range list {
		list[i] = message("e"+strconv.Itoa(i), `{"i":`+strconv.Itoa(i)+`}`, channel.Private("c."+strconv.Itoa(i)))
	}
	return list
}

// undelivered returns the names of the events that err says were not delivered.
func undelivered(err error) []string {
	var names []string
	for _, e := range broadcast.Undelivered(err) {
		names = append(names, e.Message.Event)
	}
	return names
}

func openSealed(t testing.TB, on, data string) string {
	t.Helper()
	key, err := pusherproto.DecodeMasterKey(masterKey)
	require.NoError(t, err)
	plain, err := pusherproto.Open(on, &key, data)
	require.NoError(t, err)
	return plain
}
