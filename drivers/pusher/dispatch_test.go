package pusher_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/drivers"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/internal/vectortest"
)

// dispatchRow is a row of dispatch.json: an event, and the requests that
// Laravel was seen to make for it.
type dispatchRow struct {
	Name  string
	Input struct {
		AppID         string  `json:"app_id"`
		AppKey        string  `json:"app_key"`
		AppSecret     string  `json:"app_secret"`
		EncryptionKey string  `json:"encryption_master_key_base64"`
		SocketID      *string `json:"x_socket_id"`
		How           string
		Event         *eventInput
		Anonymous     *struct{ Call string }
		Respond       []struct {
			Status int
			Body   string
		}
		Options *struct {
			Host, Scheme, Path string
			Port               int
		}
		RawOptions json.RawMessage `json:"raw_options"`
		Config     map[string]any
	}
	Want struct {
		Exception string
		Requests  []wantedRequest
	}
}

type wantedRequest struct {
	Method, Scheme, Host, Path string
	Port                       *int
	QueryKeys                  []string `json:"query_keys"`
	Query                      map[string]string
	BodyJSON                   json.RawMessage `json:"body_json"`
	Decrypted                  *string
}

// sent is a request as it is compared, with its body by value.
type sent struct {
	method, address, path, key string
	queryKeys                  []string
	body                       any
}

// TestDispatchVectors dispatches the event of each row through a broadcaster
// and the driver to a recording server.
func TestDispatchVectors(t *testing.T) {
	t.Parallel()
	rows := vectortest.Rows[dispatchRow](t, "dispatch.json")
	var n vectortest.Tally
	for _, row := range rows {
		if dispatchNone[row.Name] != "" {
			n.None++
			continue
		}
		difference, differs := dispatchDifferences[row.Name]
		n.Add(!differs)
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			got, err := row.run(t)
			if differs {
				difference.check(t, row, got, err)
				return
			}
			assert.Equal(t, row.Want.Exception != "", err != nil, "%v", err)
			assert.Equal(t, row.wanted(t), got)
		})
	}
	n.Report(t, "dispatch.json", vectortest.Tally{Agree: 84, Differ: 24, None: 2})
	for _, names := range []map[string]bool{queryKeys(dispatchNone), queryKeys(dispatchDifferences), queryKeys(dispatches)} {
		for name := range names {
			assert.True(t, slices.ContainsFunc(rows, func(r dispatchRow) bool { return r.Name == name }), "no row %q", name)
		}
	}
}

// wanted returns Laravel's requests in the form of ours. Different connections
// have no order.
func (r dispatchRow) wanted(t *testing.T) []sent {
	t.Helper()
	var list []sent
	for _, w := range r.Want.Requests {
		s := sent{method: w.Method, address: w.Scheme + "://" + w.Host, path: w.Path, key: w.Query["auth_key"], queryKeys: w.QueryKeys}
		if w.Port != nil {
			s.address += ":" + strconv.Itoa(*w.Port)
		}
		var body map[string]any
		require.NoError(t, json.Unmarshal(w.BodyJSON, &body))
		if w.Decrypted != nil {
			body["data"] = *w.Decrypted
		}
		normalPlainEvent(t, body)
		s.body = body
		slices.Sort(s.queryKeys)
		list = append(list, s)
	}
	sortByPath(list)
	return list
}

func sortByPath(list []sent) {
	slices.SortStableFunc(list, func(a, b sent) int { return cmp.Compare(a.path, b.path) })
}

// normalPlainEvent is normalEvent of data that is not sealed.
func normalPlainEvent(t *testing.T, e map[string]any) {
	t.Helper()
	if one, ok := e["channel"]; ok {
		delete(e, "channel")
		e["channels"] = []any{one}
	}
	e["data"] = normalData(t, e["data"].(string))
}

// run dispatches what the row says and returns what was sent.
func (r dispatchRow) run(t *testing.T) ([]sent, error) {
	t.Helper()
	s := newService(t, nil)
	s.secrets = map[string]string{r.Input.AppKey: r.Input.AppSecret, "second-key": "second-secret"}
	if len(r.Input.Respond) > 0 {
		s.answer = status(r.Input.Respond[0].Status, r.Input.Respond[0].Body)
	}
	var addresses []string // of the requests, in order
	transport := transportFunc(func(h *http.Request) (*http.Response, error) {
		s.mu.Lock()
		addresses = append(addresses, h.URL.Scheme+"://"+h.URL.Host)
		s.mu.Unlock()
		u := *h.URL
		u.Scheme, u.Host = "http", strings.TrimPrefix(s.URL, "http://")
		h = h.Clone(h.Context())
		h.URL = &u
		return http.DefaultTransport.RoundTrip(h)
	})
	b, err := r.broadcaster(t, transport)
	if err != nil {
		assert.Empty(t, s.got())
		return nil, err
	}
	err = r.dispatch(t, b)
	var list []sent
	for i, q := range s.got() {
		list = append(list, sent{
			method: q.method, address: addresses[i], path: q.path, key: q.query.Get("auth_key"),
			queryKeys: slices.Sorted(maps.Keys(q.query)), body: normalBody(t, q.body),
		})
	}
	sortByPath(list)
	return list, err
}

// broadcaster returns a broadcaster with the connections of the recorded
// application: pusher, which is the default, and second.
func (r dispatchRow) broadcaster(t *testing.T, transport http.RoundTripper) (*broadcast.Broadcaster, error) {
	if name, ok := r.Input.Config["broadcasting.default"].(string); ok {
		c, err := drivers.FromEnv(drivers.WithLookup(func(variable string) (string, bool) {
			return name, variable == "BROADCAST_CONNECTION"
		}))
		if err != nil {
			return nil, err
		}
		return broadcast.New(c.Driver), nil
	}
	app := auth.App{ID: r.Input.AppID, Key: r.Input.AppKey, Secret: r.Input.AppSecret, EncryptionKey: r.Input.EncryptionKey}
	c := pusher.Config{App: app, Host: "127.0.0.1:6001", Insecure: true, Transport: transport}
	if o := r.Input.Options; o != nil {
		c.Insecure = o.Scheme != "https"
		c.Path = o.Path
		c.Host = o.Host
		if o.Port != 443 {
			c.Host += ":" + strconv.Itoa(o.Port)
		}
	}
	if r.Input.RawOptions != nil {
		c.Host, c.Insecure = "", false
	}
	d, err := pusher.New(c)
	if err != nil {
		return nil, err
	}
	second := newDriver(t, pusher.Config{
		App:  auth.App{ID: "2002", Key: "second-key", Secret: "second-secret"},
		Host: "127.0.0.1:6001", Insecure: true, Transport: transport,
	})
	return broadcast.New(d, broadcast.WithConnection("pusher", d), broadcast.WithConnection("second", second), broadcast.WithLogger(silent)), nil
}

func (r dispatchRow) dispatch(t *testing.T, b *broadcast.Broadcaster) error {
	t.Helper()
	if dispatch := dispatches[r.Name]; dispatch != nil {
		return dispatch(t, b, r.options())
	}
	require.NotNil(t, r.Input.Event, "nothing says how to dispatch the row")
	return b.Dispatch(t.Context(), r.Input.Event.build(t), r.options()...)
}

// options leaves the socket out where the row does: in Laravel's words, by
// toOthers and the header X-Socket-ID.
func (r dispatchRow) options() []broadcast.DispatchOption {
	how := r.Input.How
	if r.Input.Anonymous != nil {
		how = r.Input.Anonymous.Call
	}
	if !strings.Contains(how, "toOthers") && !strings.HasPrefix(r.Name, "notification: toOthers") {
		return nil
	}
	q := httptest.NewRequest(http.MethodPost, "/", nil)
	if r.Input.SocketID != nil {
		q.Header.Set("X-Socket-Id", *r.Input.SocketID)
	}
	return []broadcast.DispatchOption{broadcast.ToOthers(q)}
}

// difference is a row in which ours does otherwise on purpose.
type difference struct {
	reason string
	// err is in the text of our error; empty when there is none.
	err string
	// bodies are those of our requests, as they are on the wire but for data
	// that is sealed; nil when nothing is sent.
	bodies []string
	// base is what the paths of our requests begin with, unless it is
	// Laravel's.
	base string
}

func (d difference) check(t *testing.T, r dispatchRow, got []sent, err error) {
	t.Helper()
	if d.err == "" {
		require.NoError(t, err, d.reason)
	} else {
		require.ErrorContains(t, err, d.err, d.reason)
	}
	require.Len(t, got, len(d.bodies), d.reason)
	for i, s := range got {
		var want map[string]any
		require.NoError(t, json.Unmarshal([]byte(d.bodies[i]), &want))
		path := "/events"
		if batch, ok := want["batch"].([]any); ok {
			path = "/batch_events"
			for _, item := range batch {
				normalPlainEvent(t, item.(map[string]any))
			}
		} else {
			normalPlainEvent(t, want)
		}
		assert.Equal(t, want, s.body, d.reason)
		assert.Equal(t, cmp.Or(d.base, "/apps/1001")+path, s.path, d.reason)
	}
	// Or the row would not differ.
	assert.False(t, (r.Want.Exception != "") == (err != nil) && assert.ObjectsAreEqual(r.wanted(t), got), "the row agrees")
}

// TestRescuedFailureIsLogged is what the row about ShouldRescue cannot show.
func TestRescuedFailureIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := newService(t, status(500, "no"))
	b := broadcast.New(s.driver(t), broadcast.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	in := eventInput{BroadcastOn: json.RawMessage(`["orders"]`), BroadcastAs: json.RawMessage(`"n"`), Rescue: true}
	require.NoError(t, b.Dispatch(t.Context(), in.build(t)))
	assert.Contains(t, log.String(), "event rescued")
	assert.Contains(t, log.String(), "500 Internal Server Error: no")
}
