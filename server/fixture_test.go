package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/pusherproto"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// site is a server that pages connect to.
type site struct {
	t    *testing.T
	srv  *server.Server
	dial func() (net.Conn, error)
	path string // with the query of a connection
	log  *logBuffer
}

var testApp = auth.App{ID: "1", Key: "k", Secret: "s", EncryptionKey: "nxzvbGF+f8FGhk/jOaZvgMle1tqxzF/VfUZLBLhhaH0="}

// newSite serves the app 1, key k and secret s on the listener.
func newSite(t *testing.T, listener net.Listener, dial func() (net.Conn, error), configure ...func(*server.Config)) *site {
	t.Helper()
	w := &site{t: t, dial: dial, path: "/app/k?protocol=7&client=js&version=8.6.0", log: &logBuffer{}}
	config := server.Config{App: testApp, DrainWindow: -1, Logger: slog.New(slog.NewTextHandler(w.log, nil))}
	for _, f := range configure {
		f(&config)
	}
	var err error
	w.srv, err = server.New(config)
	require.NoError(t, err)
	web := &http.Server{Handler: w.srv, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := web.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		assert.NoError(t, w.srv.Shutdown(ctx))
		assert.NoError(t, web.Close())
		serving.Wait()
	})
	return w
}

// inBubble runs the test on a network in memory and with a time of its own.
func inBubble(t *testing.T, test func(t *testing.T, w *site), configure ...func(*server.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := memnet.Listen()
		test(t, newSite(t, listener, func() (net.Conn, error) { return listener.Dial(t.Context()) }, configure...))
	})
}

// onTCP returns a server on the loopback, whose sockets are written to directly.
func onTCP(t *testing.T, configure ...func(*server.Config)) *site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return newSite(t, listener, func() (net.Conn, error) { return net.Dial("tcp", listener.Addr().String()) }, configure...)
}

// broadcast publishes from within the program.
func (w *site) broadcast(event, data string, channels ...channel.Channel) {
	w.t.Helper()
	require.NoError(w.t, w.srv.Broadcast(w.t.Context(), []broadcast.Message{{Event: event, Data: data, Channels: channels}}))
}

// page is a client that is connected.
type page struct {
	t        *testing.T
	ws       *wstest.Client
	socketID string
}

// open opens a WebSocket, which is closed with the test, and reads nothing.
func (w *site) open(path string, header ...string) *page {
	w.t.Helper()
	p := w.visit(path, header...)
	w.t.Cleanup(func() { _ = p.ws.Close() })
	return p
}

// visit opens a WebSocket that is the caller's to close.
func (w *site) visit(path string, header ...string) *page {
	w.t.Helper()
	conn, err := w.dial()
	require.NoError(w.t, err)
	r := wstest.NewRequest(path)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	ws, err := wstest.Dial(conn, r)
	require.NoError(w.t, err)
	return &page{t: w.t, ws: ws}
}

// connect opens a connection and reads the first frame.
func (w *site) connect(header ...string) *page {
	w.t.Helper()
	p := w.open(w.path, header...)
	p.hello()
	return p
}

// hello reads the first frame.
func (p *page) hello() {
	p.t.Helper()
	f := p.next()
	require.Equal(p.t, "pusher:connection_established", f.Event, "%s", f.Data)
	var data struct {
		SocketID string `json:"socket_id"`
	}
	require.NoError(p.t, json.Unmarshal([]byte(f.data(p.t)), &data))
	p.socketID = data.SocketID
}

// on connects and subscribes to the channels.
func (w *site) on(channels ...string) *page {
	w.t.Helper()
	p := w.connect()
	for _, ch := range channels {
		p.subscribe(ch)
	}
	return p
}

// send sends a message with data.
func (p *page) send(event string, data any) {
	p.t.Helper()
	p.sendText(jsonText(p.t, map[string]any{"event": event, "data": data}))
}

func (p *page) sendText(text string) {
	p.t.Helper()
	require.NoError(p.t, p.ws.Write(wstest.Text(text)))
}

func (p *page) whisper(event, channel string, data any) {
	p.t.Helper()
	p.sendText(jsonText(p.t, map[string]any{"event": event, "channel": channel, "data": data}))
}

// subscription returns the data of pusher:subscribe, signed.
func (p *page) subscription(ch, channelData string) map[string]any {
	data := map[string]any{"channel": ch}
	if strings.HasPrefix(ch, "private-") || strings.HasPrefix(ch, "presence-") {
		data["auth"] = "k:" + p.sign(ch, channelData)
	}
	if channelData != "" {
		data["channel_data"] = channelData
	}
	return data
}

func (p *page) sign(ch, channelData string) string {
	return string(pusherproto.NewSigner(testApp.Secret).AppendChannelAuth(nil, p.socketID, ch, channelData))
}

// subscribe subscribes with a signature, to presence channels as the user that
// the socket id names, and reads that it did.
func (p *page) subscribe(ch string) {
	p.t.Helper()
	channelData := ""
	if strings.HasPrefix(ch, "presence-") {
		channelData = `{"user_id":"` + p.socketID + `"}`
	}
	p.subscribeAs(ch, channelData)
}

func (p *page) subscribeAs(ch, channelData string) frame {
	p.t.Helper()
	p.send("pusher:subscribe", p.subscription(ch, channelData))
	f := p.next()
	require.Equal(p.t, "pusher_internal:subscription_succeeded", f.Event, "%s %s", ch, f.Data)
	require.Equal(p.t, ch, f.Channel)
	return f
}

func (p *page) signIn(userData string) {
	p.t.Helper()
	p.send("pusher:signin", p.signInData(userData))
	require.Equal(p.t, "pusher:signin_success", p.next().Event)
}

func (p *page) signInData(userData string) map[string]any {
	signature := pusherproto.NewSigner(testApp.Secret).AppendUserAuth(nil, p.socketID, userData)
	return map[string]any{"auth": "k:" + string(signature), "user_data": userData}
}

// text reads the next message.
func (p *page) text() string {
	p.t.Helper()
	text, err := p.ws.ReadText()
	require.NoError(p.t, err)
	return text
}

// next reads the next message and checks what every frame must keep.
func (p *page) next() frame {
	p.t.Helper()
	text := p.text()
	var f frame
	require.NoError(p.t, json.Unmarshal([]byte(text), &f), text)
	require.NotEmpty(p.t, f.Event, text)
	if f.Event != "pusher:error" {
		f.data(p.t)
	} else {
		require.Equal(p.t, byte('{'), f.Data[0], text)
	}
	return f
}

// hears reads a message and checks it.
func (p *page) hears(event, channel, data string) {
	p.t.Helper()
	f := p.next()
	require.Equal(p.t, []string{event, channel, data}, []string{f.Event, f.Channel, f.data(p.t)})
}

// fails reads an error and returns its code, 0 for null, and message.
func (p *page) fails() (code int, message string) {
	p.t.Helper()
	_, code, message = p.failsOn()
	return code, message
}

// failsOn is fails with the channel that the error is about.
func (p *page) failsOn() (channel string, code int, message string) {
	p.t.Helper()
	f := p.next()
	require.Equal(p.t, "pusher:error", f.Event, "%s", f.Data)
	var e struct {
		Code    *int    `json:"code"`
		Message *string `json:"message"`
	}
	require.NoError(p.t, json.Unmarshal(f.Data, &e))
	require.NotNil(p.t, e.Message)
	require.NotEmpty(p.t, *e.Message)
	if e.Code == nil {
		require.Contains(p.t, string(f.Data), `"code":null`)
		return f.Channel, 0, *e.Message
	}
	return f.Channel, *e.Code, *e.Message
}

// refused reads the two frames of a subscription that is refused.
func (p *page) refused(ch, kind string, status int) string {
	p.t.Helper()
	channel, code, message := p.failsOn()
	require.Equal(p.t, ch, channel)
	require.Equal(p.t, map[string]int{"AuthError": 4009, "BadRequest": 0, "LimitReached": 4100}[kind], code)
	f := p.next()
	require.Equal(p.t, "pusher:subscription_error", f.Event)
	require.Equal(p.t, ch, f.Channel)
	var e struct {
		Type, Error string
		Status      int
	}
	require.NoError(p.t, json.Unmarshal([]byte(f.data(p.t)), &e))
	require.Equal(p.t, kind, e.Type)
	require.Equal(p.t, message, e.Error)
	require.Equal(p.t, status, e.Status)
	return message
}

// quiet checks that nothing arrives for a while. It is for bubbles only, where
// the while takes no time.
func (p *page) quiet(d time.Duration) {
	p.t.Helper()
	before := p.ws.Timeout
	p.ws.Timeout = d
	text, err := p.ws.ReadText()
	require.ErrorIs(p.t, err, os.ErrDeadlineExceeded, text)
	p.ws.Timeout = before
}

// lives checks that the connection works and that nothing else was sent.
func (p *page) lives() {
	p.t.Helper()
	p.send("pusher:ping", map[string]any{})
	p.hears("pusher:pong", "", "{}")
}

// closed reads the end of the connection: an error and a close frame of the
// same code.
func (p *page) closed(code int) {
	p.t.Helper()
	got, _ := p.fails()
	require.Equal(p.t, code, got)
	p.closeFrame(code)
}

func (p *page) closeFrame(code int) {
	p.t.Helper()
	text, err := p.ws.ReadText()
	closed, ok := errors.AsType[*wstest.ClosedError](err)
	require.True(p.t, ok, "%v %s", err, text)
	require.EqualValues(p.t, code, closed.Code)
}

// pass lets virtual time pass, after everything has come to rest.
func pass(d time.Duration) {
	synctest.Wait() // panics outside of a bubble
	time.Sleep(d)
}
