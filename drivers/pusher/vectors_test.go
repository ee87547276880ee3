package pusher_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/internal/vectortest"
)

// signatureRow is a row about a request or a webhook.
type signatureRow struct {
	Name  string
	Input struct {
		AppID         string `json:"app_id"`
		AppKey        string `json:"app_key"`
		AppSecret     string `json:"app_secret"`
		EncryptionKey string `json:"encryption_master_key_base64"`
		Headers       map[string]string
		Body          string
	}
	Want struct {
		Exception string
		Valid     bool
		TimeMS    int64 `json:"time_ms"`
		Events    []map[string]string
		Requests  []struct {
			Method, Path string
			Query        map[string]string
			BodyJSON     json.RawMessage `json:"body_json"`
		}
	}
}

func (r signatureRow) app() auth.App {
	id := r.Input.AppID
	if id == "" {
		id = "1" // rows about webhooks have none
	}
	return auth.App{ID: id, Key: r.Input.AppKey, Secret: r.Input.AppSecret, EncryptionKey: r.Input.EncryptionKey}
}

// elsewhere says who checks the other rows of signature.json, by the beginning
// of their names.
var elsewhere = map[string]string{
	"sign: ":          "the string to sign and the signature are internal/pusherproto's",
	"shared secret: ": "the keys of encrypted channels are internal/pusherproto's",
	"secretbox: ":     "sealing is internal/pusherproto's",
	"master key: ":    "reading a master key is internal/pusherproto's",
}

// calls are what each row about requests calls, in our terms. The data stands
// as the program hands it over: encoded.
var calls = map[string]func(t *testing.T, d *pusher.Driver) error{
	"request: trigger one":                  publish(message("e", `{"a":1}`, channel.Public("c"))),
	"request: trigger string channel":       publish(message("e", `{"a":1}`, channel.Public("c"))),
	"request: trigger two":                  publish(message("e", `{"a":1}`, channel.Public("c"), channel.Public("d"))),
	"request: trigger data already encoded": publish(message("e", `{"a":1}`, channel.Public("c"))),
	"request: trigger null data":            publish(message("e", `null`, channel.Public("c"))),
	"request: trigger with socket_id and info": publish(
		broadcast.Message{Event: "e", Channels: []channel.Channel{channel.Public("c")}, Data: `[]`, SocketID: "1.1"}),
	"request: triggerBatch": publish(
		message("e1", `{"x":1}`, channel.Public("a")),
		broadcast.Message{Event: "e2", Channels: []channel.Channel{channel.Public("b")}, Data: `{"y":2}`, SocketID: "1.1"}),
	"request: triggerBatch encrypted and plain": publish(
		message("e", `{"x":1}`, channel.Encrypted("a")), message("e", `{"x":1}`, channel.Public("b"))),
	"request: sendToUser":                 publish(message("e", `{"a":1}`, channel.User("7"))),
	"request: sendToUser empty id":        publish(message("e", `[]`, channel.User(""))),
	"request: sendToUser id 0":            publish(message("e", `[]`, channel.User("0"))),
	"request: sendToUser id with a space": publish(message("e", `[]`, channel.User("a b"))),
	"request: terminateUserConnections": func(t *testing.T, d *pusher.Driver) error {
		return d.TerminateUser(t.Context(), "7")
	},
	"request: getChannels": func(t *testing.T, d *pusher.Driver) error {
		_, err := d.Channels(t.Context(), "")
		return err
	},
	"request: getChannels with a filter": func(t *testing.T, d *pusher.Driver) error {
		_, err := d.Channels(t.Context(), "presence-", pusher.UserCount)
		return err
	},
	"request: getChannelInfo of an invalid name": func(t *testing.T, d *pusher.Driver) error {
		_, err := d.Channel(t.Context(), channel.Public("a b"))
		return err
	},
	"request: getPresenceUsers": func(t *testing.T, d *pusher.Driver) error {
		_, err := d.Users(t.Context(), channel.Presence("x"))
		return err
	},
}

func publish(messages ...broadcast.Message) func(*testing.T, *pusher.Driver) error {
	return func(t *testing.T, d *pusher.Driver) error { return d.Broadcast(t.Context(), messages) }
}

// differences of rows about requests: the reason, and the row's body as ours
// is to be.
var requestDifferences = map[string]struct{ reason, body string }{
	"request: trigger with socket_id and info": {
		"a publication does not ask for counts: the answer would reach nobody through a broadcaster",
		`{"name":"e","data":"[]","channel":"c","socket_id":"1.1"}`,
	},
	"request: triggerBatch": {
		"a publication does not ask for counts: the answer would reach nobody through a broadcaster",
		`{"batch":[{"name":"e1","data":"{\"x\":1}","channel":"a"},{"name":"e2","data":"{\"y\":2}","channel":"b","socket_id":"1.1"}]}`,
	},
	"request: sendToUser id 0": {
		"0 is falsy in PHP only; a user may have that id",
		`{"name":"e","data":"[]","channel":"#server-to-user-0"}`,
	},
}

// noRequests are rows about what this package does not offer.
var noRequests = map[string]string{
	"request: get of any path": "queries are typed calls; there is none of any path",
}

// TestSignatureVectors makes the recorded calls at the recorded time.
func TestSignatureVectors(t *testing.T) {
	var n vectortest.Tally
	for _, row := range vectortest.Rows[signatureRow](t, "signature.json") {
		kind, _, _ := strings.Cut(row.Name, ": ")
		if noRequests[row.Name] != "" || elsewhere[kind+": "] != "" {
			n.None++
			continue
		}
		_, differs := requestDifferences[row.Name]
		_, differsToo := webhookDifferences[row.Name]
		n.Add(!differs && !differsToo)
		t.Run(row.Name, func(t *testing.T) {
			if kind == "webhook" {
				row.checkWebhook(t)
				return
			}
			require.Contains(t, calls, row.Name)
			synctest.Test(t, row.checkRequest)
		})
	}
	n.Report(t, "signature.json", vectortest.Tally{Agree: 20, Differ: 4, None: 28})
}

// checkRequest runs in a bubble, whose clock it sets to the row's.
func (r signatureRow) checkRequest(t *testing.T) {
	<-time.After(time.Until(time.Unix(1700000000, 0)))
	var got []request
	transport := transportFunc(func(h *http.Request) (*http.Response, error) {
		var body []byte
		if h.Body != nil {
			body, _ = io.ReadAll(h.Body)
		}
		assert.Empty(t, protocolFault(h, body, r.Input.AppSecret))
		got = append(got, request{h.Method, h.URL.Path, h.URL.Query(), h.Header, body})
		rec := httptest.NewRecorder()
		_, _ = rec.WriteString("{}")
		return rec.Result(), nil
	})
	d := newDriver(t, pusher.Config{App: r.app(), Host: "127.0.0.1:6001", Insecure: true, Transport: transport})
	err := calls[r.Name](t, d)
	difference, differs := requestDifferences[r.Name]
	if r.Want.Exception != "" && !differs {
		require.Error(t, err)
		assert.Empty(t, got)
		return
	}
	require.NoError(t, err)
	require.Len(t, got, 1)
	if difference.body != "" {
		assert.Equal(t, normalBody(t, []byte(difference.body)), normalBody(t, got[0].body), difference.reason)
	}
	if len(r.Want.Requests) == 0 {
		return
	}
	want := r.Want.Requests[0]
	assert.Equal(t, want.Method, got[0].method)
	assert.Equal(t, want.Path, got[0].path)
	assert.Equal(t, queryKeys(want.Query), queryKeys(got[0].query))
	for name, value := range want.Query {
		if name == "auth_signature" || name == "body_md5" {
			continue // over our own body, which protocolFault has checked
		}
		assert.Equal(t, value, got[0].query.Get(name))
	}
	switch {
	case differs:
	case want.Method == http.MethodGet, strings.HasSuffix(want.Path, "/terminate_connections"):
		assert.Equal(t, want.Query["auth_signature"], got[0].query.Get("auth_signature"), "the same to the last digit")
	default:
		assert.Equal(t, normalBody(t, want.BodyJSON), normalBody(t, got[0].body))
	}
}

func queryKeys[V any, M ~map[string]V](query M) map[string]bool {
	keys := map[string]bool{}
	for name := range query {
		keys[name] = true
	}
	return keys
}

// normalBody decodes the body of a publication so that those of PHP and Go
// compare: channel becomes channels, data the value that its JSON is (that of
// an encrypted channel opened), and {}, which PHP writes as [], nothing.
func normalBody(t *testing.T, body []byte) any {
	t.Helper()
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(body, &decoded))
	if batch, ok := decoded["batch"].([]any); ok {
		for _, item := range batch {
			normalEvent(t, item.(map[string]any))
		}
		return decoded
	}
	normalEvent(t, decoded)
	return decoded
}

func normalEvent(t *testing.T, e map[string]any) {
	t.Helper()
	if one, ok := e["channel"]; ok {
		delete(e, "channel")
		e["channels"] = []any{one}
	}
	data := e["data"].(string)
	if on := e["channels"].([]any)[0].(string); strings.HasPrefix(on, "private-encrypted-") {
		data = openSealed(t, on, data)
	}
	e["data"] = normalData(t, data)
}

func normalData(t *testing.T, data string) any {
	t.Helper()
	var value any
	require.NoError(t, json.Unmarshal([]byte(data), &value))
	switch v := value.(type) {
	case map[string]any:
		if len(v) == 0 {
			return nil
		}
	case []any:
		if len(v) == 0 {
			return nil
		}
	}
	return value
}

// webhookDifferences are rows in which ours answers otherwise, with the reason.
var webhookDifferences = map[string]string{
	"webhook: signature in upper case": "hexadecimal digits mean the same in either case; the signature is compared by its bytes",
}

func (r signatureRow) checkWebhook(t *testing.T) {
	h := newHook(t, r.app(), pusher.WithMaxAge(-1)) // the rows are years old
	var headers []string
	for name, value := range r.Input.Headers {
		headers = append(headers, name, value)
	}
	w := h.post(r.Input.Body, headers...)
	_, differs := webhookDifferences[r.Name]
	if r.Want.Valid == differs {
		assert.NotEqual(t, http.StatusOK, w.Code)
		assert.Empty(t, h.batches)
		return
	}
	require.Equal(t, http.StatusOK, w.Code)
	require.Len(t, h.batches, 1)
	if differs {
		return
	}
	assert.Equal(t, r.Want.TimeMS, h.batches[0].Time.UnixMilli())
	require.Len(t, h.batches[0].Events, len(r.Want.Events))
	for i, e := range h.batches[0].Events {
		assert.Equal(t, r.Want.Events[i], wireOf(t, e))
	}
}

// wireOf returns an event's fields under their names in the webhook.
func wireOf(t *testing.T, e pusher.WebhookEvent) map[string]string {
	t.Helper()
	switch e := e.(type) {
	case pusher.ChannelOccupied:
		return map[string]string{"name": e.WebhookName(), "channel": e.Channel.String()}
	case pusher.MemberAdded:
		return map[string]string{"name": e.WebhookName(), "channel": e.Channel.String(), "user_id": e.UserID}
	case pusher.ClientEvent:
		return map[string]string{"name": e.WebhookName(), "channel": e.Channel.String(), "event": e.Event, "data": e.Data, "socket_id": e.SocketID}
	}
	t.Fatalf("no row has an event %T", e)
	return nil
}
