package drivertest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

func message(event, data string, on ...channel.Channel) broadcast.Message {
	return broadcast.Message{ID: uuid.Must(uuid.NewV7()).String(), Event: event, Channels: on, Data: data}
}

// outbox sends messages through a harness's driver and keeps track of what must
// have arrived.
type outbox struct {
	t       *reporter
	h       Harness
	arrived []delivery // what must have arrived, in the order of sending
}

// delivery is a message on one channel.
type delivery struct{ channel, event, data string }

func (d delivery) String() string {
	return fmt.Sprintf("%s on %s with %s", d.event, d.channel, shorten(d.data))
}

func shorten(s string) string {
	if len(s) > 60 {
		return fmt.Sprintf("%q… (%d bytes)", s[:60], len(s))
	}
	return fmt.Sprintf("%q", s)
}

// send broadcasts messages, which must succeed.
func (o *outbox) send(messages ...broadcast.Message) {
	o.t.Helper()
	o.record(messages, nil)
	if err := o.h.Driver.Broadcast(o.t.Context(), slices.Clone(messages)); err != nil {
		o.t.Fatalf("Broadcast of %d messages returned: %v", len(messages), err)
	}
}

// try broadcasts messages, which may fail. It returns those that the error
// reports as undelivered, and checks that they are among those it sent.
func (o *outbox) try(ctx context.Context, messages ...broadcast.Message) ([]broadcast.Message, error) {
	o.t.Helper()
	err := o.h.Driver.Broadcast(ctx, slices.Clone(messages))
	undelivered := undeliveredOf(messages, err)
	for i, m := range undelivered {
		if !contains(messages, m) {
			o.t.Errorf("the error reports a message that was not sent, or was changed: event %q on %v", m.Event, m.Channels)
		}
		if contains(undelivered[:i], m) {
			o.t.Errorf("the error reports the message of event %q twice", m.Event)
		}
	}
	o.record(messages, undelivered)
	return undelivered, err
}

func (o *outbox) record(messages, except []broadcast.Message) {
	for _, m := range messages {
		if !contains(except, m) {
			o.arrived = append(o.arrived, deliveriesOf(m)...)
		}
	}
}

func undeliveredOf(messages []broadcast.Message, err error) []broadcast.Message {
	parts := broadcast.Undelivered(err)
	if err != nil && len(parts) == 0 {
		return messages
	}
	var undelivered []broadcast.Message
	for _, part := range parts {
		undelivered = append(undelivered, part.Message)
	}
	return undelivered
}

func contains(messages []broadcast.Message, m broadcast.Message) bool {
	return slices.ContainsFunc(messages, func(other broadcast.Message) bool { return reflect.DeepEqual(other, m) })
}

func deliveriesOf(m broadcast.Message) []delivery {
	var list []delivery
	for _, c := range m.Channels {
		list = append(list, delivery{c.String(), m.Event, m.Data})
	}
	return list
}

// verify checks that the accepted messages have arrived, each of them once, and
// on every channel in the order of sending.
func (o *outbox) verify() {
	o.t.Helper()
	if o.h.Arrived == nil {
		return
	}
	want, got := byChannel(o.arrived), make(map[string][]delivery)
	for _, a := range o.h.Arrived(len(o.arrived)) {
		got[a.Channel] = append(got[a.Channel], delivery{a.Channel, a.Event, a.Data})
	}
	for name, list := range want {
		if !slices.Equal(list, got[name]) {
			o.t.Errorf("on channel %s %s", name, difference(list, got[name]))
		}
		delete(got, name)
	}
	for name, list := range got {
		o.t.Errorf("on channel %s, where nothing was sent or all of it was reported as undelivered, arrived %v", name, list)
	}
}

func byChannel(list []delivery) map[string][]delivery {
	m := make(map[string][]delivery)
	for _, d := range list {
		m[d.channel] = append(m[d.channel], d)
	}
	return m
}

// difference describes how got differs from want.
func difference(want, got []delivery) string {
	rest := slices.Clone(got)
	var missing, words []string
	for _, d := range want {
		if i := slices.Index(rest, d); i >= 0 {
			rest = slices.Delete(rest, i, i+1)
		} else {
			missing = append(missing, d.String())
		}
	}
	if len(missing) > 0 {
		words = append(words, fmt.Sprintf("%d did not arrive: %s", len(missing), first(missing)))
	}
	if len(rest) > 0 {
		var extra []string
		for _, d := range rest {
			extra = append(extra, d.String())
		}
		words = append(words, fmt.Sprintf("%d arrived too often or changed: %s", len(extra), first(extra)))
	}
	if len(words) == 0 {
		words = append(words, fmt.Sprintf("the order is wrong: sent %v, arrived %v", want, got))
	}
	return strings.Join(words, "; ")
}

func first(list []string) string {
	if len(list) > 3 {
		return strings.Join(list[:3], ", ") + " …"
	}
	return strings.Join(list, ", ")
}
