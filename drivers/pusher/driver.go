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

// Driver sends messages to a service that has the HTTP API of Pusher Channels.
// Make one with [New] and reuse it, because it holds the connections. It is safe
// for concurrent use.
type Driver struct {
	// client makes the library's client for one call. It is a function because
	// package fmt follows pointers, but never shows what a function captures.
	client func() *pusherhttp.Client
	signer *pusherproto.Signer

	page        auth.ClientConfig
	limits      broadcast.Limits
	batchBytes  int
	idempotency bool
	timeout     time.Duration
	transport   http.RoundTripper
	own         *http.Transport // the same as transport, unless the caller set it

	places   chan struct{} // holds an element for each request in progress
	closing  sync.Once
	closed   chan struct{}
	draining chan struct{} // holds an element while a Shutdown fills places
	held     int           // elements of places that Shutdown has added
}

var (
	_ broadcast.Driver  = (*Driver)(nil)
	_ broadcast.Limiter = (*Driver)(nil)
	_ broadcast.Pinger  = (*Driver)(nil)
)

// New returns a Driver. The error names every setting that is missing or wrong.
// New does not contact the service; use [Driver.Ping] to find out whether it
// answers and accepts the credentials.
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

// Limits returns the limits of the [Config], with defaults for zero fields.
// [Driver.Broadcast] accepts more messages than Batch and divides them into
// batches itself. A call with no more than that is usually one request.
func (d *Driver) Limits() broadcast.Limits { return d.limits }

// ClientConfig returns what a page needs to connect to the service. It assumes
// that pages use the same address as this program, and that [Config.Path] also
// applies to WebSockets. If pages use another address, for example because this
// program is in a private network or a proxy terminates TLS, change the fields
// that differ.
func (d *Driver) ClientConfig() auth.ClientConfig {
	c := d.page
	c.EnabledTransports = slices.Clone(c.EnabledTransports)
	return c
}

// Broadcast sends the messages in order. It tries every one, even if others
// fail. The package comment describes the errors.
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

// sendBatch sends the messages with the given indexes in one request and records
// the errors in failed. If the service rejects the batch as a whole, it sends
// them one by one.
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

// sendToUser sends a message to a user's connections. The library has one call
// for such a channel, which cannot leave out a connection.
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

// trigger makes a request that contains the data of the given events.
func (d *Driver) trigger(ctx context.Context, id string, data []string, send func(*pusherhttp.Client) error) error {
	return d.do(ctx, &exchange{id: id, data: data, limit: maxAnswer}, &struct{}{}, send)
}

func socketID(m *broadcast.Message) *string {
	if m.SocketID == "" {
		return nil
	}
	return &m.SocketID
}
