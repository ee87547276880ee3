package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// Handler handles the authorisation requests of pusher-js and laravel-echo for
// private, presence and encrypted channels. It decides them by the
// application's rules. U is the application's user type.
//
// A Handler is the [http.Handler] of the channel endpoint, which Echo expects
// at /broadcasting/auth by default. It is also an [Authorizer]. Create one with
// [NewHandler]. All methods are safe for concurrent use.
type Handler[U any] struct {
	endpoint
	mu    sync.Mutex // held while the table is replaced
	table atomic.Pointer[table[U]]
	late  overdue
}

var _ Authorizer = (*Handler[struct{}])(nil)

// NewHandler returns a Handler without rules, which refuses everything.
//
// Subscriptions are signed with the app's key and secret. The user function
// finds out who sent a request, from a session cookie or a token for example.
// If it returns nil without an error, the sender is a guest. It may return a
// [*DenyError] to refuse with a status of its own, such as 401; any other error
// is a fault and is answered with status 500.
//
// NewHandler panics if the app is not valid, the user function is nil or an
// option makes no sense, because these are mistakes in how the program is set
// up.
func NewHandler[U any](app App, user func(*http.Request) (*U, error), options ...Option) *Handler[U] {
	if user == nil {
		panic("auth: NewHandler: the user function is nil")
	}
	h := &Handler[U]{endpoint: newEndpoint(app, options)}
	h.table.Store(&table[U]{guards: []guard[U]{{DefaultGuard, user}}, bindings: map[string]*binding{}})
	return h
}

// ServeHTTP handles one request for one channel (channel_name) or several
// (channel_names[]), as the package documentation describes.
func (h *Handler[U]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, func(client string, p params) (any, error) {
		if p.names != nil {
			return h.batch(r, client, p)
		}
		v, err := h.visitor(r)
		if err != nil {
			return nil, err
		}
		return h.authorizeName(r.Context(), v, p.socketID, p.name)
	})
}

// authorizeName is authorize for a channel name as the client sent it.
func (h *Handler[U]) authorizeName(ctx context.Context, v *visitor[U], socketID, name string) (*Grant, error) {
	ch, err := channel.Parse(name)
	if err != nil {
		return nil, malformedName(err)
	}
	return h.authorize(ctx, v, socketID, ch)
}

// visitor returns a visitor for the request, without calling any guard yet.
func (h *Handler[U]) visitor(r *http.Request) (*visitor[U], error) {
	app, err := h.apps.of(r)
	if err != nil {
		return nil, err
	}
	return &visitor[U]{handler: h, app: app, request: r}, nil
}

// Identify asks every guard who sent the request. The Identity does not retain
// the request. If a guard fails, its error is kept, and [Handler.Authorize]
// returns it when that guard is needed. Identify itself fails only if
// [WithAppResolver] does not yield a valid app.
func (h *Handler[U]) Identify(r *http.Request) (Identity, error) {
	v, err := h.visitor(r)
	if err != nil {
		return nil, err
	}
	v.settle(h.table.Load())
	return v, nil
}

// As returns the Identity of a user without a request. The named guards know
// the user, or the default guard if none is named; a nil user is a guest. It is
// intended for tests of rules:
//
//	grant, err := h.Authorize(ctx, h.As(&User{ID: "7"}), "1.1", channel.Private("orders.7"))
//
// As panics if a guard is unknown. It also panics if the handler uses
// [WithAppResolver], because the app then depends on the request.
func (h *Handler[U]) As(user *U, guards ...string) Identity {
	if h.apps.static == nil {
		panic("auth: As: the handler finds its app by the request; use Identify")
	}
	if len(guards) == 0 {
		guards = []string{DefaultGuard}
	}
	t := h.table.Load()
	v := &visitor[U]{handler: h, app: h.apps.static, known: make([]answer[U], len(t.guards))}
	for _, name := range guards {
		g := t.guard(name)
		if g < 0 {
			panic(fmt.Sprintf("auth: As: unknown guard %q", name))
		}
		v.known[g].user = user
	}
	for g := range v.known {
		v.known[g].asked = true
	}
	return v
}

// Authorize decides one subscription and signs it. It decides exactly as
// ServeHTTP does, but does not limit refusals. A refusal is a [*DenyError]. Any
// other error is a fault: a rule or guard that failed, panicked or took too
// long ([ErrTimeout]), an encrypted channel of an app without an encryption key
// ([ErrNoEncryptionKey]), or an Identity that another handler made.
func (h *Handler[U]) Authorize(ctx context.Context, id Identity, socketID string, ch channel.Channel) (*Grant, error) {
	v, err := h.own(id)
	if err != nil {
		return nil, err
	}
	return h.authorize(ctx, v, socketID, ch)
}

// own returns the visitor behind an Identity that this handler made.
func (h *Handler[U]) own(id Identity) (*visitor[U], error) {
	v, ok := id.(*visitor[U])
	if !ok || v.handler != h {
		return nil, fmt.Errorf("auth: the identity (a %T) is from another handler", id)
	}
	return v, nil
}

func (h *Handler[U]) authorize(ctx context.Context, v *visitor[U], socketID string, ch channel.Channel) (*Grant, error) {
	if !pusherproto.ValidSocketID(socketID) {
		return nil, malformed(badSocketID)
	}
	wire := ch.String()
	// A channel made by a constructor may have any name. A name that does not
	// parse back to the same channel must not be signed.
	if parsed, err := channel.Parse(wire); err != nil || parsed != ch {
		return nil, malformedName(err)
	}
	if !ch.Kind().Guarded() {
		return nil, forbid(fmt.Sprintf("%s channels need no authorisation", ch.Kind()), nil)
	}
	data, err := h.ask(ctx, v, socketID, ch)
	if err != nil {
		return nil, err
	}
	grant := &Grant{Auth: v.app.channelAuth(socketID, wire, data), ChannelData: data}
	if ch.Kind() == channel.KindEncrypted {
		if v.app.master == nil {
			return nil, fmt.Errorf("%w (channel %s)", ErrNoEncryptionKey, wire)
		}
		secret := pusherproto.SharedSecret(wire, v.app.master)
		grant.SharedSecret = base64.StdEncoding.EncodeToString(secret[:])
	}
	return grant, nil
}

const guestReason = "nobody is logged in"

// ask calls the matching rules in order until one allows or refuses. It returns
// the channel data of a presence channel. The error says why there is no grant.
func (h *Handler[U]) ask(ctx context.Context, v *visitor[U], socketID string, ch channel.Channel) (data string, err error) {
	var (
		room       [4]string
		kind, name = ruleKind(ch.Kind()), ch.RuleName()
		t          = h.table.Load()
		guest      bool
		refusal    error
	)
	for _, r := range t.rules {
		if r.kind != kind {
			continue
		}
		values, ok := r.pattern.AppendMatch(room[:0], name)
		if !ok {
			continue
		}
		user, err := v.user(t, r.guards)
		if err != nil {
			return "", err
		}
		if user == nil {
			guest = true
			continue
		}
		c := &call[U]{
			rule: r, user: user, bindings: t.bindings,
			sub: Subscription{channel: ch, socketID: socketID, pattern: r.pattern},
		}
		c.sub.values = append(c.sub.room[:0], values...)
		data, allowed, err := h.question(ctx, c)
		if allowed {
			return data, nil
		}
		if refusal = r.verdict(err); !errors.Is(err, Pass) {
			return "", refusal
		}
	}
	switch {
	case refusal != nil: // by every rule that was called
		return "", refusal
	case guest:
		return "", forbid(guestReason, nil)
	}
	return "", forbid(h.unmatched(ch), nil)
}

// question calls one rule and encodes the member or user that it returns.
func (h *Handler[U]) question(ctx context.Context, c *call[U]) (data string, allowed bool, err error) {
	var out outcome
	if h.timeout < 0 {
		out = c.inline(ctx)
	} else {
		out = c.bounded(ctx, h.timeout, &h.late)
	}
	if out.allowed && out.who != nil {
		data, err = encode(out.who, h.memberLimit)
		return data, err == nil, err
	}
	return "", out.allowed, out.err
}

// verdict turns the error of a rule that did not allow into the error of the
// decision. A nil error is a plain refusal.
func (r *rule[U]) verdict(err error) error {
	if err == nil {
		return forbid(r.title()+" refused", nil)
	}
	if deny, ok := asDeny(err); ok {
		return deny
	}
	if errors.Is(err, Pass) {
		return forbid("every rule that matches passed", err)
	}
	_, param := errors.AsType[*ParamError](err)
	if param || errors.Is(err, ErrNotFound) || errors.Is(err, ErrInvalidMember) || errors.Is(err, ErrInvalidUser) {
		return forbid(fmt.Sprintf("%s refused: %v", r.title(), err), err)
	}
	return fmt.Errorf("auth: %s (%s): %w", r.title(), r.source, err)
}

// title names the rule in errors.
func (r *rule[U]) title() string {
	if r.pattern == nil {
		return "the sign-in"
	}
	return fmt.Sprintf("the %s rule %q", r.kind, r.pattern)
}

// Shutdown waits until every rule that is still running after its time limit
// has returned. If the context is done first, Shutdown returns an error that
// wraps that of the context. Call it after http.Server.Shutdown. It does not
// stop the handler from deciding further requests.
func (h *Handler[U]) Shutdown(ctx context.Context) error { return h.late.wait(ctx) }

// unmatched says why no rule matched. In development mode it adds the likely
// cause.
func (h *Handler[U]) unmatched(ch channel.Channel) string {
	const reason = "no rule matches"
	if !h.development {
		return reason
	}
	if near := nearMiss(h.Rules(), ch); near != "" {
		return reason + ": " + near
	}
	return reason
}
