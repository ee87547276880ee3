package onair_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/pusherproto"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// canaryServer is a server whose application fails wherever it is called.
func canaryServer(t *testing.T, w *watch, development bool) *server.Server {
	t.Helper()
	other := canaryApp()
	other.ID, other.Key, other.Former = "1002", "other-key", nil
	rules := canaryRules(auth.WithLogger(w.logger()), auth.WithRuleTimeout(time.Second))
	rules.Users(func(_ context.Context, u *visitorOf) (*auth.UserData, error) { return &auth.UserData{ID: u.ID}, nil })
	config := server.Config{
		App: canaryApp(), Apps: []auth.App{other}, Authorizer: rules, Logger: w.logger(), DrainWindow: -1, Development: development,
		Resolve: func(_ context.Context, q server.AppQuery) (auth.App, error) {
			switch q.Key + q.ID {
			case "fault":
				return canaryApp(), errInside
			case "panic":
				panic(inside)
			case "invalid":
				return auth.App{ID: "3", Key: "invalid", Secret: canarySecret, EncryptionKey: canarySecret}, nil
			case "taken":
				return canaryApp(), nil
			}
			return auth.App{}, server.ErrUnknownApp
		},
		Hooks: server.Hooks{
			Connected:    func(context.Context, server.Connection) { panic(inside) },
			Disconnected: func(context.Context, server.Connection) { panic(errInside) },
			Subscribed:   func(context.Context, server.Subscription) { panic(inside) },
			Unsubscribed: func(context.Context, server.Subscription) { panic(inside) },
			MemberJoined: func(context.Context, server.MemberChange) { panic(inside) },
			MemberLeft:   func(context.Context, server.MemberChange) { panic(inside) },
			ClientEvent:  func(context.Context, server.ClientEvent) { panic(inside) },
			CacheMiss:    func(context.Context, server.CacheMiss) { panic(inside) },
		},
	}
	w.value(config)
	srv, err := server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return srv
}

// signed is a request to the HTTP API, signed with the key and secret.
func signed(key, secret, method, path string, body []byte, at time.Time) *http.Request {
	params := map[string]string{"auth_key": key, "auth_timestamp": fmt.Sprint(at.Unix()), "auth_version": "1.0"}
	if len(body) > 0 {
		params["body_md5"] = pusherproto.BodyMD5(body)
	}
	query := url.Values{}
	for name, value := range params {
		query.Set(name, value)
	}
	query.Set("auth_signature", string(pusherproto.NewSigner(secret).AppendSignature(nil, pusherproto.StringToSign(method, path, params))))
	r := canaryRequest(method, path+"?"+query.Encode(), "", jsonType, "")
	if len(body) > 0 {
		r.Body, r.ContentLength = http.NoBody, int64(len(body))
		r.Body = readCloser{bytes.NewReader(body)}
	}
	return r
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// TestCanariesInHTTPAPI calls the HTTP API wrongly.
func TestCanariesInHTTPAPI(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	srv := canaryServer(t, w, false)
	call := func(where string, want int, r *http.Request) {
		t.Helper()
		answer := httptest.NewRecorder()
		srv.ServeHTTP(answer, r)
		w.client(where, answer.Body.String()+fmt.Sprint(answer.Header()))
		if answer.Code != want {
			t.Errorf("%s: status %d, want %d: %s", where, answer.Code, want, answer.Body)
		}
	}
	const path = "/apps/1001/events"
	event := []byte(`{"name":"e","channels":["private-a"],"data":"` + canaryPlain + `"}`)
	app, now := canaryApp(), time.Now()
	call("right", 200, signed(app.Key, app.Secret, "POST", path, event, now))
	call("right, by a former key", 200, signed("former-key", canaryFormer, "POST", path, event, now))
	call("wrong secret", 401, signed(app.Key, canaryFormer, "POST", path, event, now))
	call("unknown key", 401, signed("unknown", app.Secret, "POST", path, event, now))
	call("key of another app", 401, signed("other-key", app.Secret, "POST", path, event, now))
	call("unknown app", 404, signed(app.Key, app.Secret, "POST", "/apps/9/events", event, now))
	for name, status := range map[string]int{"fault": 500, "panic": 500, "invalid": 500, "taken": 500} {
		call("app that the resolver answers with a "+name, status, signed(name, app.Secret, "POST", "/apps/"+name+"/events", event, now))
	}
	call("old", 401, signed(app.Key, app.Secret, "POST", path, event, now.Add(-time.Hour)))
	call("unsigned", 401, canaryRequest("POST", path, "", jsonType, string(event)))
	changed := signed(app.Key, app.Secret, "POST", path, event, now)
	changed.Body = readCloser{bytes.NewReader(bytes.ReplaceAll(event, []byte("private-a"), []byte("private-b")))}
	call("another body", 401, changed)
	twice := signed(app.Key, app.Secret, "POST", path, event, now)
	twice.URL.RawQuery += "&auth_key=" + canaryBearer
	call("a parameter twice", 400, twice)
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, _ = zip.Write(event)
	_ = zip.Close()
	packed := signed(app.Key, app.Secret, "POST", path, zipped.Bytes(), now)
	packed.Header.Set("Content-Encoding", "gzip")
	call("compressed", 415, packed)
	named := signed(app.Key, app.Secret, "POST", path, event, now)
	named.Header.Set("X-Idempotency-Key", canaryBearer+"\x00")
	call("idempotency key", 400, named)
	for _, body := range []string{
		canaryPlain, `{"data":"` + canaryPlain + `"}`, `{"name":"e","channel":"a","data":{"` + canaryPlain + `":1}}`,
		`{"name":"e","channel":"a","data":"` + canaryPlain + `","socket_id":"1"}`, `{"name":"","channel":"a","data":"` + canaryPlain + `"}`,
		`{"name":"e","channel":"a b","data":"` + canaryPlain + `"}`, `{"name":"pusher:e","channel":"a","data":"` + canaryPlain + `"}`,
		`{"name":"e","channels":["a","private-encrypted-a"],"data":"` + canaryPlain + `"}`, `{"name":"e","data":"` + canaryPlain,
		`{"name":"e","channels":[1],"data":"` + canaryPlain + `"}`, `{"data":"` + canaryPlain + `","data":"` + canaryPlain + `"}`,
	} {
		call("body "+strings.ReplaceAll(body, canaryPlain, "…"), 400, signed(app.Key, app.Secret, "POST", path, []byte(body), now))
	}
	long := []byte(`{"name":"e","channel":"a","data":"` + strings.Repeat(canaryPlain, 1000) + `"}`)
	call("too much data", 413, signed(app.Key, app.Secret, "POST", path, long, now))
	call("too much", 413, signed(app.Key, app.Secret, "POST", path, bytes.Repeat(long, 30), now))
	call("no call", 404, signed(app.Key, app.Secret, "POST", "/apps/1001/"+url.PathEscape(inside[:6]), nil, now))
	call("no method", 405, signed(app.Key, app.Secret, "PUT", path, event, now))
	call("terminate", 200, signed(app.Key, app.Secret, "POST", "/apps/1001/users/7/terminate_connections", nil, now))
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.held(srv)
	w.held(srv.For("1001"))
	call("draining", 503, signed(app.Key, app.Secret, "POST", path, event, now))
	for _, c := range []server.Config{
		{App: auth.App{Secret: canarySecret, EncryptionKey: canaryMaster}},
		{App: app, Apps: []auth.App{app}, AllowedOrigins: []string{"*"}, InsecureAnyOrigin: true},
	} {
		_, err := server.New(c)
		w.err("New", err)
	}
}

// peer is a client of the canary server.
type peer struct {
	t    *testing.T
	ws   *wstest.Client
	id   string
	read strings.Builder
}

// send sends a message and waits until everything was answered.
func (p *peer) send(text string) {
	p.t.Helper()
	for _, text := range []string{text, `{"event":"pusher:ping","data":{}}`} {
		if err := p.ws.Write(wstest.Text(text)); err != nil {
			p.t.Fatal(err)
		}
	}
	p.fence()
}

// fence reads up to the answer to a ping.
func (p *peer) fence() {
	p.t.Helper()
	for {
		text, err := p.ws.ReadText()
		if err != nil {
			p.t.Fatal(err)
		}
		p.read.WriteString(text + "\n")
		if strings.Contains(text, "pusher:pong") {
			return
		}
	}
}

func (p *peer) subscribe(ch, secret, channelData string) {
	p.t.Helper()
	data := map[string]string{"channel": ch, "channel_data": channelData}
	if secret != "" {
		data["auth"] = canaryApp().Key + ":" + string(pusherproto.NewSigner(secret).AppendChannelAuth(nil, p.id, ch, channelData))
	}
	text, err := json.Marshal(map[string]any{"event": "pusher:subscribe", "data": data})
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(string(text))
}

// TestCanariesOnConnections has strangers knock and listen wherever they can,
// while members of private channels exchange canaries.
func TestCanariesOnConnections(t *testing.T) {
	t.Parallel()
	for _, development := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) { strangers(t, newWatch(t), development) })
	}
}

func strangers(t *testing.T, w *watch, development bool) {
	srv := canaryServer(t, w, development)
	listener := memnet.Listen()
	web := &http.Server{Handler: srv, ErrorLog: slog.NewLogLogger(w.logger().Handler(), slog.LevelError)}
	served := make(chan error, 1)
	go func() { served <- web.Serve(listener) }()
	connect := func(path, user string, header ...string) *peer {
		t.Helper()
		conn, err := listener.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := wstest.NewRequest(path)
		for name, values := range canaryRequest("GET", path, user, "", "").Header {
			r.Header[name] = values
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		ws, err := wstest.Dial(conn, r)
		if err != nil {
			t.Fatal(err)
		}
		p := &peer{t: t, ws: ws}
		text, err := ws.ReadText()
		if err != nil {
			t.Fatal(err)
		}
		p.read.WriteString(text)
		_, rest, _ := strings.Cut(text, `socket_id\":\"`)
		p.id, _, _ = strings.Cut(rest, `\"`)
		return p
	}
	// Those who are turned away.
	for _, path := range []string{
		"/app/", "/app/unknown?protocol=7", "/app/public-kez?protocol=7", "/app/public-key", "/app/public-key?protocol=x", "/app/public-key?protocol=3",
		"/app/fault?protocol=7", "/app/panic?protocol=7", "/app/invalid?protocol=7", "/app/taken?protocol=7",
	} {
		w.client(path, connect(path, "7").read.String())
	}
	const path = "/app/public-key?protocol=7"
	w.client("another origin", connect(path, "7", "Origin", "https://evil.example").read.String())
	w.client("nobody can be identified", connect(path, "panic").read.String())

	member, stranger, user := connect(path, ""), connect(path, ""), connect(path, "8")
	for _, ch := range []string{"private-a", "private-cache-a", "private-encrypted-a"} {
		member.subscribe(ch, canarySecret, "")
	}
	member.subscribe("presence-c", canarySecret, `{"user_id":"7","user_info":"`+canaryPlain+`"}`)
	member.send(signInMessage(member.id))
	member.subscribe("#server-to-user-7", "", "")
	for _, p := range []*peer{stranger, user} {
		p.subscribe("a", "", "")
		for _, ch := range []string{"private-a", "private-cache-a", "private-encrypted-a", "presence-c", "#server-to-user-7", "private-a b"} {
			p.subscribe(ch, "", "")
			p.subscribe(ch, canaryFormer+"?", `{"user_id":"7"}`)
		}
		for _, ch := range canaryChannels {
			p.subscribe(ch, "", "")
		}
		for _, text := range []string{
			`{"event":"pusher:signin","data":{"auth":"public-key:00","user_data":"{\"id\":\"7\"}"}}`, `{"event":"client-x","channel":"private-a","data":{}}`,
			`{"event":"client-x","channel":"presence-c","data":"x","user_id":"7"}`, `{"event":"pusher_internal:member_removed","channel":"presence-c"}`,
			`{"event":"pusher:unsubscribe","data":{"channel":"private-a"}}`, `{`, `[]`, `{"event":1}`, `{"event":"x","event":"y"}`,
		} {
			p.send(text)
		}
		if err := p.ws.Write(wstest.Binary([]byte("x"))); err != nil {
			t.Fatal(err)
		}
	}
	b := broadcast.New(srv.For("1001"), broadcast.WithLogger(w.logger()))
	for _, e := range canaryEvents() {
		if err := b.Dispatch(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	hidden := broadcast.Message{Event: "e", Data: canaryPlain, Channels: []channel.Channel{channel.Private("a").Cached(), channel.Public("c")}}
	if err := srv.For("1001").Broadcast(t.Context(), []broadcast.Message{hidden}); err != nil {
		t.Fatal(err)
	}
	member.send(`{"event":"client-typing","channel":"private-a","data":{"word":"` + canaryPlain + `"}}`)
	for _, p := range []*peer{stranger, user} {
		p.send(`{"event":"pusher:subscribe","data":{"channel":"private-cache-a"}}`)
		if !development {
			w.client("a stranger", p.read.String())
		}
		w.text("a stranger", p.read.String())
	}
	if got := member.read.String(); !strings.Contains(got, canaryPlain) || strings.Contains(got, canarySealed) {
		t.Errorf("the member reads %s", got)
	}
	serverErrors(t, w, srv)
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	w.err("after the end", srv.For("1001").Broadcast(t.Context(), []broadcast.Message{hidden}))
	if err := web.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	for _, said := range []string{"hook panicked", "connection refused", "event reaches nobody"} {
		if !strings.Contains(w.logged(), said) {
			t.Errorf("the log does not say %q: it was not watched", said)
		}
	}
}

func signInMessage(socketID string) string {
	const userData = `{"id":"7","user_info":{"word":"` + canaryPlain + `"}}`
	signature := pusherproto.NewSigner(canarySecret).AppendUserAuth(nil, socketID, userData)
	text, _ := json.Marshal(map[string]any{"event": "pusher:signin", "data": map[string]string{"auth": "public-key:" + string(signature), "user_data": userData}})
	return string(text)
}

// serverErrors has the server refuse messages, and prints what it tells.
func serverErrors(t *testing.T, w *watch, srv *server.Server) {
	t.Helper()
	hub := srv.For("1001")
	for name, m := range map[string]broadcast.Message{
		"no channel":  {Event: "e", Data: canaryPlain},
		"a bad one":   {Event: "e", Data: canaryPlain, Channels: []channel.Channel{channel.Private("a b\n")}},
		"no event":    {Data: canaryPlain, Channels: []channel.Channel{channel.Private("a")}},
		"reserved":    {Event: "pusher:e", Data: canaryPlain, Channels: []channel.Channel{channel.Private("a")}},
		"no UTF-8":    {Event: "e", Data: canaryPlain + "\xff", Channels: []channel.Channel{channel.Private("a")}},
		"too large":   {Event: "e", Data: strings.Repeat(canaryPlain, 1000), Channels: []channel.Channel{channel.Private("a")}},
		"not alone":   {Event: "e", Data: canarySealed, Channels: []channel.Channel{channel.Private("a"), channel.Encrypted("a")}},
		"socket id":   {Event: "e", Data: canaryPlain, SocketID: canarySession, Channels: []channel.Channel{channel.Private("a")}},
		"too long":    {Event: strings.Repeat("e", 201), Data: canaryPlain, Channels: []channel.Channel{channel.Private("a")}},
		"line breaks": {Event: "e\n", Data: strings.Repeat(canaryPlain, 1000), Channels: []channel.Channel{channel.Private("a")}},
	} {
		w.err(name, hub.Broadcast(t.Context(), []broadcast.Message{m}))
	}
	w.err("several apps", srv.Broadcast(t.Context(), []broadcast.Message{{Event: "e", Data: canaryPlain}}))
	w.err("an unknown app", srv.For("9").Ping(t.Context()))
	_, err := hub.Members(t.Context(), channel.Private("a"))
	w.err("members", err)
	for info := range srv.Channels() {
		w.value(info)
	}
	for c := range srv.Connections() {
		w.value(c)
	}
	w.value(srv.Stats())
	w.value(srv.ClientConfig(httptest.NewRequest("GET", "/", nil)))
}
