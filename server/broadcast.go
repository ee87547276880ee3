package server

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

var (
	_ broadcast.Driver  = (*Server)(nil)
	_ broadcast.Limiter = (*Server)(nil)
	_ broadcast.Pinger  = (*Server)(nil)
	_ broadcast.Driver  = (*Hub)(nil)
	_ broadcast.Limiter = (*Hub)(nil)
	_ broadcast.Pinger  = (*Hub)(nil)
)

// Hub is one app of a [Server]. It is the driver that broadcasts to the app's
// channels, and tells who is on them. [Server.For] returns one. A Hub is safe
// for concurrent use.
type Hub struct {
	server *Server
	appID  string // "" is the only app
}

// For returns the app with the given id, for a server with several apps. If no
// app has the id, methods of the Hub that return an error return one that wraps
// [ErrUnknownApp].
func (s *Server) For(appID string) *Hub { return &Hub{server: s, appID: appID} }

// only returns the app of a server that has just one.
func (s *Server) only() *Hub { return &Hub{server: s} }

func (h *Hub) app(ctx context.Context) (*app, error) {
	if h.appID == "" {
		return h.server.apps.sole()
	}
	a, err := h.server.appByID(ctx, h.appID)
	if errors.Is(err, ErrUnknownApp) {
		return nil, fmt.Errorf("%w %q", ErrUnknownApp, h.appID)
	}
	return a, err
}

// Broadcast delivers the messages, in order, to those connections of this
// process that are subscribed to their channels. It returns when the messages
// are queued for the sockets and does not wait for slow clients. It waits only
// while the server is further behind than it may buffer, and at most until ctx
// is done.
//
// Each message that was not accepted is a [*broadcast.DeliveryError] in the
// returned error. It is broadcast.ErrPermanent, unless it is [ErrClosed] or the
// context's error. If the app cannot be found, there is one error for all
// messages, which is permanent unless Config.Resolve failed.
func (h *Hub) Broadcast(ctx context.Context, messages []broadcast.Message) error {
	a, err := h.app(ctx)
	switch {
	case err == nil:
	case errors.Is(err, ErrUnknownApp), errors.Is(err, ErrAppDisabled), errors.Is(err, errNoAppChosen):
		return broadcast.Permanent(err)
	default: // Config.Resolve may know at the next try
		return err
	}
	var failed []error
	for _, m := range messages {
		if err := a.broadcast(ctx, m); err != nil {
			failed = append(failed, &broadcast.DeliveryError{Message: m, Err: err})
		}
	}
	return errors.Join(failed...)
}

// Limits returns the limits on an event's data and on a channel's name, and
// whether the app lacks a key for encrypted channels. That is reported only of
// an app that Config lists, since Config.Resolve is not asked. There is no
// limit on the channels of a message or on the messages of one call.
func (h *Hub) Limits() broadcast.Limits {
	l := h.server.limits
	limits := broadcast.Limits{Payload: max(0, l.EventData)}
	// Config.Resolve is not asked: it may be slow and needs a context.
	a := h.server.apps.static[h.appID]
	if h.appID == "" {
		a, _ = h.server.apps.sole()
	}
	limits.NoEncryption = a != nil && a.credentials.Load().master == nil
	if l.ChannelName >= 0 && l.ChannelName < channel.MaxNameLength {
		limits.ChannelName = l.ChannelName
	}
	return limits
}

// Ping returns nil if the server accepts messages for the app.
func (h *Hub) Ping(ctx context.Context) error {
	if err := h.server.Ping(ctx); err != nil {
		return err
	}
	_, err := h.app(ctx)
	return err
}

// Broadcast is like [Hub.Broadcast], for the only app of the server. With
// several apps it returns an error; use [Server.For].
func (s *Server) Broadcast(ctx context.Context, messages []broadcast.Message) error {
	return s.only().Broadcast(ctx, messages)
}

// Limits is like [Hub.Limits], for the only app of the server. With several
// apps it does not report that one lacks a key.
func (s *Server) Limits() broadcast.Limits { return s.only().Limits() }

// Ping returns nil if the server accepts messages, and [ErrClosed] once
// [Server.Shutdown] has ended the connections. It does not look for an app.
func (s *Server) Ping(ctx context.Context) error {
	if s.lifecycle.closed.Load() {
		return ErrClosed
	}
	return context.Cause(ctx)
}

// broadcast checks and publishes one message.
func (a *app) broadcast(ctx context.Context, m broadcast.Message) error {
	if err := a.check(m); err != nil {
		return broadcast.Permanent(err)
	}
	if !m.Encrypted() {
		return a.publish(ctx, m.Event, m.Data, m.Channels, m.SocketID)
	}
	master := a.credentials.Load().master
	if master == nil {
		return broadcast.Permanent(fmt.Errorf("server: app %q: %w; set App.EncryptionKey", a.id, broadcast.ErrNoEncryptionKey))
	}
	name := m.Channels[0].String()
	return a.publish(ctx, m.Event, pusherproto.Seal(name, master, m.Data), m.Channels, m.SocketID)
}

var (
	errNoChannels    = errors.New("server: message without channels")
	errNotAlone      = errors.New("server: an encrypted channel must be the only one of a message")
	errNotUTF8       = errors.New("server: data or event name is not valid UTF-8, which browsers must get")
	errNoEventName   = errors.New("server: message without an event name")
	errReservedEvent = errors.New("server: event names that begin with pusher: or pusher_internal: are the protocol's own")
	errBadSocketID   = errors.New("server: socket id is not digits, a dot and digits")
)

func (a *app) check(m broadcast.Message) error {
	l := &a.server.limits
	switch {
	case m.Event == "":
		return errNoEventName
	case over(len(m.Event), l.EventName):
		return fmt.Errorf("server: event name has %d bytes, the limit is %d", len(m.Event), l.EventName)
	case strings.HasPrefix(m.Event, "pusher:") || strings.HasPrefix(m.Event, "pusher_internal:"):
		return errReservedEvent
	case !utf8.ValidString(m.Event) || !utf8.ValidString(m.Data):
		return errNotUTF8
	case m.SocketID != "" && !pusherproto.ValidSocketID(m.SocketID):
		return errBadSocketID
	case len(m.Channels) == 0:
		return errNoChannels
	}
	for _, ch := range m.Channels {
		name := ch.String()
		if parsed, err := channel.Parse(name); err != nil {
			return err
		} else if parsed != ch {
			return ch.Validate()
		}
		if over(len(name), l.ChannelName) {
			return fmt.Errorf("server: channel name has %d bytes, the limit is %d", len(name), l.ChannelName)
		}
		if ch.Kind() == channel.KindEncrypted && len(m.Channels) > 1 {
			return errNotAlone
		}
	}
	if size := m.PayloadSize(); over(size, l.EventData) {
		return &broadcast.PayloadError{Event: m.Event, Size: size, Limit: l.EventData}
	}
	return nil
}
