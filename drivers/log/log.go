// Package log is a driver that writes events to a log instead of sending them,
// like Laravel's log connection. It shows what would be sent.
//
// Each message becomes one record at level info with the constant text
// "broadcasting event" and these attributes:
//
//   - event: the name on the wire
//   - echo: the name as a page passes it to Echo's listen
//   - channels: the names on the wire, including prefixes
//   - data: the payload, as JSON if the handler writes JSON, and otherwise as
//     a quoted string
//   - id: the message's id
//   - socket_id: the connection that would not receive the message, if any
//
// The log does not show the payload of an encrypted channel. Its data is the
// word "withheld".
//
// Names and payloads are always attribute values and never part of the text, so
// the handlers of log/slog quote them. Line breaks, escape sequences and
// formatting verbs in them cannot forge a record.
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

// New returns a Driver that writes to the logger. If the logger is nil, each
// call of Broadcast writes to the logger that slog.Default then returns. If the
// logger's level is above info, nothing is written, which is not an error.
func New(logger *slog.Logger) *Driver { return &Driver{logger: logger} }

// Broadcast writes a record for each message, in order. The error contains a
// [*broadcast.DeliveryError] for each message whose record the handler could
// not write, or whose turn came after the context was done.
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

// payload is a message's data, which each handler writes in its own format.
type payload string

// MarshalJSON returns the payload itself when it is JSON, and a JSON string of
// it otherwise.
func (p payload) MarshalJSON() ([]byte, error) {
	if raw := []byte(p); json.Valid(raw) {
		return raw, nil
	}
	return json.Marshal(string(p))
}

// MarshalText makes slog.TextHandler treat the payload as text, which it
// quotes where necessary.
func (p payload) MarshalText() ([]byte, error) { return []byte(p), nil }
