package pusher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	pusherhttp "github.com/pusher/pusher-http-go/v5"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// Driver sends messages to a service that speaks the HTTP API of Pusher
// Channels. Make one with [New] and keep it: it holds the connections. It is
// safe for concurrent use.
type Driver struct {
	// client makes the library's client for one call. It is a function because
	// package fmt prints what pointers lead to, and never what a function holds.
	client func() *pusherhttp.Client
	signer *pusherproto.Signer

	page        auth.ClientConfig
	limits      broadcast.Limits
	batchBytes  int
	idempotency bool
	timeout     time.Duration
	transport   http.RoundTripper
	own         *http.Transport // transport, unless the caller gave one

	places   chan struct{} // one for each request under way
	closing  sync.Once
	closed   chan struct{}
	draining chan struct{} // held by the Shutdown that fills places
	held     int           // places that Shutdown filled
}

var (
	_ broadcast.Driver  = (*Driver)(nil)
	_ broadcast.Limiter = (*Driver)(nil)
	_ broadcast.Pinger  = (*Driver)(nil)
)

// New returns a Driver. Its error names every setting that is missing or
// wrong. Nothing is sent; [Driver.Ping] tells whether the service answers and
// knows the credentials.
func New(c Config) (*Driver, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	d := &Driver{
		client:      c.client(),
		signer:      pusherproto.NewSigner(c.App.Secret),
		page:        c.clientConfig(),
		limits:      c.Limits,
		batchBytes:  c.BatchBytes,
		idempotency: c.IdempotencyKeys,
		timeout:     c.Timeout,
		transport:   c.Transport,
		places:      make(chan struct{}, c.MaxConcurrent),
		closed:      make(chan struct{}),
		draining:    make(chan struct{}, 1),
	}
	if d.transport == nil {
		d.own = newTransport(c.MaxConcurrent)
		d.transport = d.own
	}
	return d, nil
}

// Limits returns the limits of the config. Broadcast takes more messages than
// Batch at a time and cuts them itself; a call with no more is, as a rule, one
// request.
func (d *Driver) Limits() broadcast.Limits { return d.limits }

// ClientConfig returns what a page needs to connect to the service. It takes
// pages to reach it as this program does; where they take another way, from
// outside of a private network or over TLS that ends at a proxy, change the
// fields that differ. The path is taken for that of the WebSockets too.
func (d *Driver) ClientConfig() auth.ClientConfig {
	c := d.page
	c.EnabledTransports = slices.Clone(c.EnabledTransports)
	return c
}

// Broadcast sends the messages in order and tries every one; see the package
// comment for what its errors are.
func (d *Driver) Broadcast(ctx context.Context, messages []broadcast.Message) error {
	failed := make([]error, len(messages))
	const frame = len(`{"batch":[]}`)
	var batch []int // indexes into messages
	size := frame
	flush := func() {
		d.sendBatch(ctx, messages, batch, failed)
		batch, size = batch[:0], frame
	}
	for i := range messages {
		m := &messages[i]
		if failed[i] = d.check(m); failed[i] != nil {
			continue
		}
		if !d.batchable(m) {
			flush()
			failed[i] = d.send(ctx, m)
			continue
		}
		n := batchedSize(m)
		if len(batch) == d.limits.Batch || size+n > d.batchBytes {
			flush()
		}
		batch, size = append(batch, i), size+n
	}
	flush()
	for i, err := range failed {
		if err != nil {
			failed[i] = &broadcast.DeliveryError{Message: messages[i], Err: err}
		}
	}
	return errors.Join(failed...)
}

// sendBatch sends the messages with the indexes in one request and notes what
// failed.
func (d *Driver) sendBatch(ctx context.Context, messages []broadcast.Message, indexes []int, failed []error) {
	if len(indexes) > 1 {
		data := make([]string, len(indexes))
		for i, index := range indexes {
			data[i] = messages[index].Data
		}
		err := d.trigger(ctx, "", data, func(c *pusherhttp.Client) error {
			events := make([]pusherhttp.Event, len(indexes))
			for i, index := range indexes {
				m := &messages[index]
				events[i] = pusherhttp.Event{Channel: m.Channels[0].String(), Name: m.Event, Data: m.Data, SocketID: socketID(m)}
			}
			_, err := c.TriggerBatch(events)
			return err
		})
		if !refusedWhole(err) {
			for _, index := range indexes {
				failed[index] = err
			}
			return
		}
	}
	for _, index := range indexes {
		failed[index] = d.send(ctx, &messages[index])
	}
}

// send sends one message.
func (d *Driver) send(ctx context.Context, m *broadcast.Message) error {
	id := ""
	if d.idempotency {
		id = m.ID
	}
	if m.Channels[0].Kind() == channel.KindUser {
		return d.sendToUser(ctx, id, m)
	}
	return d.trigger(ctx, id, []string{m.Data}, func(c *pusherhttp.Client) error {
		names := make([]string, len(m.Channels))
		for i, c := range m.Channels {
			names[i] = c.String()
		}
		_, err := c.TriggerMultiWithParams(names, m.Event, m.Data, pusherhttp.TriggerParams{SocketID: socketID(m)})
		return err
	})
}

// sendToUser sends a message to a user's connections. The library takes such a
// channel in one call only, which cannot leave a connection out.
func (d *Driver) sendToUser(ctx context.Context, id string, m *broadcast.Message) error {
	if m.SocketID == "" {
		return d.trigger(ctx, id, []string{m.Data}, func(c *pusherhttp.Client) error {
			return c.SendToUser(m.Channels[0].Name(), m.Event, m.Data)
		})
	}
	body, err := json.Marshal(struct {
		Name     string            `json:"name"`
		Channels []channel.Channel `json:"channels"`
		Data     string            `json:"data"`
		SocketID string            `json:"socket_id"`
	}{m.Event, m.Channels, m.Data, m.SocketID})
	if err != nil {
		return broadcast.Permanent(fmt.Errorf("pusher: %w", err))
	}
	return d.post(ctx, id, "/events", body, m.Data)
}

// trigger makes a request that publishes the data.
func (d *Driver) trigger(ctx context.Context, id string, data []string, send func(*pusherhttp.Client) error) error {
	return d.do(ctx, &exchange{id: id, data: data, limit: maxAnswer}, &struct{}{}, send)
}

func socketID(m *broadcast.Message) *string {
	if m.SocketID == "" {
		return nil
	}
	return &m.SocketID
}
