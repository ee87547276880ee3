package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/vectortest"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// badFrame is a row of the recorded bad inputs of connections.
type badFrame struct {
	ID    string `json:"id"`
	Input struct {
		URL       string            `json:"url"`
		Headers   map[string]string `json:"headers"`
		Allowed   string            `json:"allowed"`
		Handshake json.RawMessage   `json:"handshake"`
		Steps     []struct {
			Text  *string `json:"text"`
			Frame *struct {
				Op      byte   `json:"op"`
				Fin     *bool  `json:"fin"`
				Mask    bool   `json:"mask"`
				Payload string `json:"payload"`
				Len16   *int   `json:"len16"`
			} `json:"frame"`
		} `json:"steps"`
		Note string `json:"note"`
	} `json:"input"`
	Expected struct {
		Result      string   `json:"result"`
		CloseCodeIn []int    `json:"close_code_in"`
		StatusIn    []int    `json:"status_in"`
		OrClose     int      `json:"or_close"`
		Events      []string `json:"events"`
		Rule        string   `json:"rule"`
	} `json:"expected"`
}

// ours says what this server does where the row leaves a choice.
var ours = map[string]struct {
	result string
	code   int
}{
	"WS-033": {result: "error_event"},       // binary: error, and the connection goes on
	"WS-037": {result: "close", code: 1002}, // a length not in its shortest form is refused
	"WS-060": {result: "accept"},            // data may be an object in a string
}

func TestBadFrames(t *testing.T) {
	t.Parallel()
	rows := vectortest.Rows[badFrame](t, "websocket_bad_inputs.json")
	require.Len(t, rows, 30)
	for _, r := range rows {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			inBubble(t, r.run, func(c *server.Config) {
				if r.Input.Allowed != "" {
					c.AllowedOrigins = []string{r.Input.Allowed}
				}
			})
		})
	}
}

var guarded = []string{"news", "private-orders.7", "private-encrypted-a"}

func (r *badFrame) run(t *testing.T, w *site) {
	bystander := w.on(guarded...)
	defer func() {
		for _, ch := range guarded {
			w.publishTo(ch, r.ID)
			bystander.hears("after", ch, r.ID)
		}
		bystander.lives()
	}()
	if choice, ok := ours[r.ID]; ok {
		r.Expected.Result = choice.result
		r.Expected.CloseCodeIn = []int{choice.code}
	}
	p, refused := r.open(t, w)
	switch r.Expected.Result {
	case "reject":
		if r.Expected.OrClose != 0 && p != nil {
			p.closed(r.Expected.OrClose)
			return
		}
		require.NotNil(t, refused)
		assert.Contains(t, r.Expected.StatusIn, refused.Status)
		assert.NotContains(t, string(refused.Body), ".go:")
	case "accept_without_extension_or_400":
		require.Nil(t, refused, "wstest fails when an extension is negotiated")
		assert.Equal(t, "pusher:connection_established", p.next().Event)
	case "close":
		require.Nil(t, refused)
		r.closes(t, p)
	case "error_event":
		require.Nil(t, refused)
		r.fails(t, w, p)
	case "accept":
		p.hello()
		r.play(p)
		p.hears("pusher_internal:subscription_succeeded", "news", "{}")
	default:
		t.Fatalf("a result that nothing is known about: %q", r.Expected.Result)
	}
}

// open makes the handshake of the row.
func (r *badFrame) open(t *testing.T, w *site) (*page, *wstest.RefusedError) {
	request := wstest.NewRequest(r.Input.URL)
	for name, value := range r.Input.Headers {
		request.Header.Set(name, value)
	}
	var headers map[string]string
	var words string
	switch {
	case r.Input.Handshake == nil:
	case json.Unmarshal(r.Input.Handshake, &headers) == nil:
		for name, value := range headers {
			request.Header.Set(name, value)
		}
	case json.Unmarshal(r.Input.Handshake, &words) == nil:
		switch words {
		case "two Sec-WebSocket-Key headers":
			request.Header.Add("Sec-WebSocket-Key", request.Header.Get("Sec-WebSocket-Key"))
		case "2,000 headers":
			for i := range 2000 {
				request.Header.Set(fmt.Sprint("X-", i), "v")
			}
		case "POST with Upgrade":
			request.Method = http.MethodPost
		default:
			t.Fatalf("unknown handshake %q", words)
		}
	}
	conn, err := w.dial()
	require.NoError(t, err)
	ws, err := wstest.Dial(conn, request)
	if refused, ok := errors.AsType[*wstest.RefusedError](err); ok {
		return nil, refused
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = ws.Close() })
	return &page{t: t, ws: ws}, nil
}

// play sends the steps of the row.
func (r *badFrame) play(p *page) {
	for _, s := range r.Input.Steps {
		if s.Text != nil {
			text := strings.NewReplacer(
				"<signature for another socket>", wrongSocket(p),
				"<valid signature without key>", p.sign("private-orders.7", ""),
			).Replace(*s.Text)
			require.NotContains(p.t, text, "<", "a token that is not known")
			p.sendText(text)
			continue
		}
		f := wstest.Frame{Opcode: s.Frame.Op, Payload: []byte(s.Frame.Payload), Unmasked: !s.Frame.Mask, NotFinal: s.Frame.Fin != nil && !*s.Frame.Fin}
		if s.Frame.Payload == "<<rep:p:126>>" {
			f.Payload = []byte(strings.Repeat("p", 126))
		}
		if s.Frame.Len16 != nil {
			f.LengthSize = 3
		}
		require.NoError(p.t, p.ws.Write(f))
	}
}

func wrongSocket(p *page) string {
	other := *p
	other.socketID = "1.1"
	return other.sign("private-orders.7", "")
}

func (r *badFrame) closes(t *testing.T, p *page) {
	if len(r.Input.Steps) > 0 {
		p.hello()
		r.play(p)
	}
	for {
		text, err := p.ws.ReadText()
		if err == nil {
			require.Contains(t, text, "pusher:error")
			continue
		}
		closed, ok := errors.AsType[*wstest.ClosedError](err)
		require.True(t, ok, "%v", err)
		require.Contains(t, r.Expected.CloseCodeIn, int(closed.Code))
		return
	}
}

func (r *badFrame) fails(t *testing.T, w *site, p *page) {
	p.hello()
	if r.Input.Note == "subscribed" {
		p.subscribe("private-orders.7")
		p.subscribe("private-encrypted-a")
	}
	r.play(p)
	p.send("pusher:ping", map[string]any{})
	errors := 0
	for f := p.next(); f.Event != "pusher:pong"; f = p.next() {
		require.True(t, slices.Contains(r.Expected.Events, f.Event) || f.Event == "pusher:error", f.Event)
		errors++
	}
	require.Positive(t, errors)
	if r.Input.Note != "subscribed" {
		for info := range w.srv.Channels() {
			require.Equal(t, 1, info.Subscriptions, "only the bystander is on %s", info)
		}
	}
}

// publishTo publishes as the HTTP API does, to encrypted channels too.
func (w *site) publishTo(name, data string) {
	w.t.Helper()
	ch, err := channel.Parse(name)
	require.NoError(w.t, err)
	require.NoError(w.t, server.Publish(w.t.Context(), w.srv, "after", data, ch))
}
