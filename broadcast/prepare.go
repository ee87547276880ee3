package broadcast

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// Prepare does everything that [Broadcaster.Dispatch] does except sending. It
// queries the event, checks names, channels and sizes for every connection, and
// splits the result into deliveries that stay within each driver's [Limits]. If
// there is nothing to send, it returns no deliveries and no error. A queue
// stores the deliveries and passes them to [Broadcaster.Deliver] later.
//
// Most of its errors are mistakes in the program: [event.ErrNil],
// [*event.MethodError], [*event.NameError], [*channel.NameError],
// [*PayloadError], [ErrUnknownConnection], [ErrNoEncryptionKey] and [ErrPanic].
// Prepare also returns the error of an [event.Validator], of the JSON encoder,
// and of the functions passed to [WithConnectionName] and [WithResolver]. After
// [Broadcaster.Shutdown] it returns [ErrClosed].
func (b *Broadcaster) Prepare(ctx context.Context, e event.Event, options ...DispatchOption) ([]Delivery, error) {
	if !b.enter() {
		return nil, ErrClosed
	}
	defer b.leave()
	var o dispatchOptions
	for _, option := range options {
		option(&o)
	}
	if err := event.Check(e); err != nil {
		return nil, err
	}
	if c, ok := e.(event.Conditional); ok && !c.BroadcastWhen() {
		b.logNothing(ctx, "BroadcastWhen is false", e)
		return nil, nil
	}
	name, err := event.Name(e, b.namespace)
	if err != nil {
		return nil, err
	}
	b.hint(ctx, name, o)
	p := preparation{event: e, name: name, socketID: o.socketID}
	connections := connectionsOf(e, o)
	for _, via := range connections {
		var limits Limits
		if via.Name, _, limits, err = b.find(ctx, via.Name); err != nil {
			return nil, err
		}
		if err := p.add(via, limits); err != nil {
			return nil, err
		}
	}
	switch {
	case len(connections) == 0:
		b.logNothing(ctx, "it has no connections", e)
	case len(p.deliveries) == 0:
		b.logNothing(ctx, "it has no channels", e)
	}
	return p.deliveries, nil
}

// logNothing logs why an event was rightly not sent, since somebody may be
// looking for it.
func (b *Broadcaster) logNothing(ctx context.Context, why string, e event.Event) {
	if b.logger.Enabled(ctx, slog.LevelDebug) {
		b.logger.LogAttrs(ctx, slog.LevelDebug, "nothing to broadcast: "+why, slog.String("type", event.TypeName(e)))
	}
}

// onDefault is the choice of connection of an event that makes none.
var onDefault = []event.Connection{{}}

func connectionsOf(e event.Event, o dispatchOptions) []event.Connection {
	if len(o.via) > 0 {
		return event.Via(o.via...)
	}
	if r, ok := e.(event.Router); ok {
		return r.BroadcastConnections()
	}
	return onDefault
}

// hint logs what is legal but surely comes as a surprise.
func (b *Broadcaster) hint(ctx context.Context, name string, o dispatchOptions) {
	if strings.HasPrefix(name, "client-") {
		b.logger.LogAttrs(ctx, slog.LevelWarn, "event name begins with client-, which pages take for a whisper of another page",
			slog.String("event", name))
	}
	if o.ignored != "" {
		b.logger.LogAttrs(ctx, slog.LevelWarn, "socket id ignored: it is not digits, a dot and digits, so the sender gets the event too",
			slog.String("event", name), slog.String("socket_id", fmt.Sprintf("%q", o.ignored)))
	}
}

// preparation collects the deliveries of one event.
type preparation struct {
	event      event.Event
	name       string
	socketID   string
	channels   []channel.Channel // the event's own, once asked
	asked      bool
	data       string // the event's own payload, once encoded
	encoded    bool
	deliveries []Delivery
}

func (p *preparation) add(via event.Connection, limits Limits) error {
	channels := p.channelsOf(via)
	if len(channels) == 0 {
		return nil
	}
	shared, alone, err := checkChannels(channels, limits)
	if err != nil {
		return fmt.Errorf("broadcast: event %q on connection %q: %w", p.name, via.Name, err)
	}
	data, err := p.payload(via)
	if err != nil {
		return fmt.Errorf("broadcast: event %q on connection %q: %w", p.name, via.Name, err)
	}
	first := len(p.deliveries)
	size := limits.Channels
	if size <= 0 {
		size = max(1, len(shared))
	}
	for chunk := range slices.Chunk(shared, size) {
		p.deliver(via.Name, data, chunk)
	}
	for i := range alone {
		p.deliver(via.Name, data, alone[i:i+1:i+1])
	}
	return p.checkSize(p.deliveries[first:], limits.Payload)
}

func (p *preparation) deliver(connection, data string, channels []channel.Channel) {
	id := newID()
	p.deliveries = append(p.deliveries, Delivery{
		ID:         id,
		Connection: connection,
		Message:    Message{ID: id, Event: p.name, Channels: channels, Data: data, SocketID: p.socketID},
	})
}

func (p *preparation) channelsOf(via event.Connection) []channel.Channel {
	if via.Channels != nil {
		return via.Channels
	}
	if !p.asked {
		p.channels, p.asked = p.event.BroadcastOn(), true
	}
	return p.channels
}

func (p *preparation) payload(via event.Connection) (string, error) {
	if via.Payload != nil {
		return event.Encode(via.Payload)
	}
	if !p.encoded {
		data, err := event.Payload(p.event)
		if err != nil {
			return "", err
		}
		p.data, p.encoded = data, true
	}
	return p.data, nil
}

// checkChannels validates channels and drops duplicates. It separates those
// that can share a message from those that need one of their own: an encrypted
// channel, since its data is encrypted for it, and a user's channel, which
// services accept only by itself.
func checkChannels(channels []channel.Channel, limits Limits) (shared, alone []channel.Channel, err error) {
	shared = make([]channel.Channel, 0, len(channels))
	seen := make(map[string]struct{}, len(channels))
	for _, c := range channels {
		if err := c.Validate(); err != nil {
			return nil, nil, err
		}
		if _, twice := seen[c.String()]; twice {
			continue
		}
		seen[c.String()] = struct{}{}
		if limits.ChannelName > 0 && len(c.String()) > limits.ChannelName {
			return nil, nil, fmt.Errorf("channel %q has %d bytes, the connection takes %d", c, len(c.String()), limits.ChannelName)
		}
		if limits.NoEncryption && c.Kind() == channel.KindEncrypted {
			return nil, nil, fmt.Errorf("channel %q: %w", c, ErrNoEncryptionKey)
		}
		if c.Kind() == channel.KindEncrypted || c.Kind() == channel.KindUser {
			alone = append(alone, c)
		} else {
			shared = append(shared, c)
		}
	}
	return shared, alone, nil
}

// checkSize checks the largest of one connection's messages against the limit.
// All have the same data, but in some of them it will be encrypted.
func (p *preparation) checkSize(deliveries []Delivery, limit int) error {
	size := 0
	for _, d := range deliveries {
		size = max(size, d.Message.PayloadSize())
	}
	if limit <= 0 || size <= limit {
		return nil
	}
	one := deliveries[0]
	return &PayloadError{Event: p.name, Connection: one.Connection, Size: size, Limit: limit, Largest: largestFields(one.Message.Data)}
}

func largestFields(data string) []FieldSize {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(data), &object) != nil {
		return nil
	}
	fields := make([]FieldSize, 0, len(object))
	for name, value := range object {
		fields = append(fields, FieldSize{Field: name, Size: len(value)})
	}
	slices.SortFunc(fields, func(a, b FieldSize) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), strings.Compare(a.Field, b.Field))
	})
	return fields[:min(3, len(fields))]
}
