package auth

import (
	"context"
	"fmt"
	"net/http"

	"github.com/onairgo/onair/internal/pusherproto"
)

// Users registers how users sign in (pusher.signin in the browser) and returns
// the handler of that endpoint, /broadcasting/user-auth by Echo's default. The
// function is asked about users that its guards know, never about guests, and
// returns what the page and others get to know; nil refuses with status 403.
// Its errors and its time are treated as those of a rule ([Handler.Private]);
// [Pass] refuses, as there is no next one. Users panics when called twice.
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
			refuse("registered already at %s", t.signIn.source)
		}
		s.guards = t.resolve(options, refuse)
		t.signIn = s
	})
	return http.HandlerFunc(h.serveUser)
}

// serveUser answers one sign-in. A channel name in the request is ignored.
func (h *Handler[U]) serveUser(w http.ResponseWriter, r *http.Request) {
	h.serve(w, r, func(_ string, p params) (any, error) {
		v, err := h.visitor(r)
		if err != nil {
			return nil, err
		}
		return h.authorizeUser(r.Context(), v, p.socketID)
	})
}

// AuthorizeUser decides and signs a sign-in: the very decision of the handler
// that [Handler.Users] returns. A refusal is a [*DenyError]; so is the answer
// before Users has been called. Any other error is a fault, as in
// [Handler.Authorize].
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
