// Package log is the driver that writes events to a log instead of sending
// them: Laravel's log connection, for looking at what would go out.
//
// Each message becomes one record at level info with the constant text
// "broadcasting event" and these fields:
//
//   - event: the name on the wire
//   - echo: how a page spells it in Echo's listen
//   - channels: the names on the wire, prefixes included
//   - data: the payload, as JSON where the handler writes JSON and as a
//     quoted string elsewhere
//   - id: the message's id
//   - socket_id: the connection that would be left out, where there is one
//
// The payload of an encrypted channel is nobody's to read, the log's neither:
// its data is the word "withheld".
//
// Names and payloads are values and never part of the text, so the handlers of
// log/slog quote them: line breaks, escape sequences and formatting verbs in
// them cannot forge a record.
package log

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

const (
	text     = "broadcasting event"
	withheld = "withheld"
)

// Driver writes messages to a log. Make one with [New]; it is safe for
// concurrent use.
type Driver struct {
	logger *slog.Logger
}

var _ broadcast.Driver = (*Driver)(nil)

// New returns a Driver that writes to the logger, or for nil to the one that
// is slog.Default at the time of each message. A logger whose level is above
// info writes nothing, which is no error.
func New(logger *slog.Logger) *Driver { return &Driver{logger: logger} }

// Broadcast writes a record for each message, in order. A message whose record
// the handler could not write, or that came after the context was done, is a
// [*broadcast.DeliveryError] in the error.
func (d *Driver) Broadcast(ctx context.Context, messages []broadcast.Message) error {
	logger := d.logger
	if logger == nil {
		logger = slog.Default()
	}
	handler := logger.Handler()
	var pc [1]uintptr
	runtime.Callers(2, pc[:]) // the caller, for handlers that add the source
	var failed []error
	for _, m := range messages {
		err := context.Cause(ctx)
		if err == nil && handler.Enabled(ctx, slog.LevelInfo) {
			err = handler.Handle(ctx, record(m, pc[0]))
		}
		if err != nil {
			failed = append(failed, &broadcast.DeliveryError{Message: m, Err: fmt.Errorf("log: %w", err)})
		}
	}
	return errors.Join(failed...)
}

func record(m broadcast.Message, pc uintptr) slog.Record {
	var data any = payload(m.Data)
	if slices.ContainsFunc(m.Channels, func(c channel.Channel) bool { return c.Kind() == channel.KindEncrypted }) {
		data = withheld
	}
	channels := make([]string, len(m.Channels))
	for i, c := range m.Channels {
		channels[i] = c.String()
	}
	r := slog.NewRecord(time.Now(), slog.LevelInfo, text, pc)
	r.AddAttrs(
		slog.String("event", m.Event),
		slog.String("echo", broadcast.EchoName(m.Event)),
		slog.Any("channels", channels),
		slog.Any("data", data),
		slog.String("id", m.ID),
	)
	if m.SocketID != "" {
		r.AddAttrs(slog.String("socket_id", m.SocketID))
	}
	return r
}

// payload is a message's data, which handlers write in their own format.
type payload string

// MarshalJSON returns the payload itself when it is JSON, and a JSON string of
// it otherwise.
func (p payload) MarshalJSON() ([]byte, error) {
	if raw := []byte(p); json.Valid(raw) {
		return raw, nil
	}
	return json.Marshal(string(p))
}

// MarshalText lets slog.TextHandler take it for text, which it quotes.
func (p payload) MarshalText() ([]byte, error) { return []byte(p), nil }
