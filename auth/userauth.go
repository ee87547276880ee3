package auth

import (
	"context"
	"fmt"
	"net/http"

	"github.com/onairgo/onair/internal/pusherproto"
)

// Users registers the function that decides how users sign in (pusher.signin in
// the browser). It returns the handler for the sign-in endpoint, which Echo
// expects at /broadcasting/user-auth by default.
//
// The function is called with users that the guards know, never for guests. It
// returns what the page and others learn about the user; nil refuses with
// status 403. Its errors and its time limit are those of a rule (see
// [Handler.Private]), except that [Pass] refuses, since there is no next rule.
// Users panics if it is called twice, ask is nil or a guard is unknown.
func (h *Handler[U]) Users(ask func(ctx context.Context, user *U) (*UserData, error), options ...RuleOption) http.Handler {
	s := &rule[U]{source: caller()}
	refuse := func(format string, args ...any) {
		panic(fmt.Sprintf("auth: sign-in (%s): %s", s.source, fmt.Sprintf(format, args...)))
	}
	if ask == nil {
		refuse("the function is nil")
	}
	s.ask = func(ctx context.Context, user *U, _ *Subscription) outcome {
		u, err := ask(ctx, user)
		return outcome{allowed: u != nil && err == nil, who: u, err: err}
	}
	h.update(func(t *table[U]) {
		if t.signIn != nil {
			refuse("already registered at %s", t.signIn.source)
		}
		s.guards = t.resolve(options, refuse)
		t.signIn = s
	})
	return http.HandlerFunc(h.serveUser)
}

// serveUser handles one sign-in. It ignores a channel name in the request.
func (h *Handler[U]) serveUser(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, func(_ string, p params) (any, error) {
		v, err := h.visitor(r)
		if err != nil {
			return nil, err
		}
		return h.authorizeUser(r.Context(), v, p.socketID)
	})
}

// AuthorizeUser decides one sign-in and signs it. It decides exactly as the
// handler that [Handler.Users] returns does, but does not limit refusals. A
// refusal is a [*DenyError]; before Users has been called, every sign-in is
// refused. Any other error is a fault, as in [Handler.Authorize].
func (h *Handler[U]) AuthorizeUser(ctx context.Context, id Identity, socketID string) (*UserGrant, error) {
	v, err := h.own(id)
	if err != nil {
		return nil, err
	}
	return h.authorizeUser(ctx, v, socketID)
}

func (h *Handler[U]) authorizeUser(ctx context.Context, v *visitor[U], socketID string) (*UserGrant, error) {
	if !pusherproto.ValidSocketID(socketID) {
		return nil, malformed(badSocketID)
	}
	t := h.table.Load()
	if t.signIn == nil {
		return nil, forbid("users cannot sign in: Handler.Users has not been called", nil)
	}
	user, err := v.user(t, t.signIn.guards)
	if err != nil {
		return nil, err
	}
	if user == nil {
		return nil, forbid(guestReason, nil)
	}
	data, allowed, err := h.question(ctx, &call[U]{rule: t.signIn, user: user})
	if !allowed {
		return nil, t.signIn.verdict(err)
	}
	return &UserGrant{Auth: v.app.userAuth(socketID, data), UserData: data}, nil
}
