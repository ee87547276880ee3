package server

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/pusherproto"
	"github.com/onairgo/onair/internal/strictjson"
)

// signedIn is the user who has signed in on a connection.
type signedIn struct {
	id        string
	info      []byte // JSON; null if there is none
	watchlist []string
}

// member returns the user as a member of a presence channel.
func (u *signedIn) member() *member { return &member{id: u.id, info: u.info} }

// handleSignIn signs a user in. pusher-js does so again on every new
// connection.
func (c *conn) handleSignIn(data []byte) {
	var signature, userData string
	if reason := c.fields(data, map[string]*string{"auth": &signature, "user_data": &userData}); reason != "" {
		c.refuseSignIn("pusher:signin: " + reason)
		return
	}
	switch {
	case signature != "":
		key, digest, _ := strings.Cut(signature, ":")
		if signer := c.app.signer(key); signer == nil || !signer.VerifyUserAuth(digest, c.id, userData) {
			c.refuseSignIn(c.wrongSignature("sign-in", c.id+"::user::"+userData, "").message)
			return
		}
	case c.server.config.Authorizer != nil:
		grant, r := c.askUserAuthorizer()
		if r != nil {
			c.refuseSignIn(r.message)
			return
		}
		userData = grant.UserData // the client's own is not to be trusted
	default:
		c.refuseSignIn("the sign-in carries no auth")
		return
	}
	user, excess, err := parseUser(userData, &c.server.limits)
	if err != nil {
		c.refuseSignIn(err.Error())
		return
	}
	if c.user != nil && c.user.id != user.id {
		c.refuseSignIn("another user has signed in on this connection; open a new one")
		return
	}
	c.signIn(user, userData)
	if excess > 0 {
		c.sendError(codeWatchlistLimit, "", fmt.Sprintf("the watch list has %d users, of which the first %d are watched", c.server.limits.Watchlist+excess, c.server.limits.Watchlist))
	}
}

// refuseSignIn tells the client. If connections must be authorised, it also
// closes this one, and pusher-js does not reconnect.
func (c *conn) refuseSignIn(message string) {
	c.app.stats.refused.Add(1)
	if c.server.config.AuthorizedWithin > 0 {
		c.closeWith(closeUnauthorized, message)
		return
	}
	c.sendError(closeUnauthorized, "", message)
}

func (c *conn) askUserAuthorizer() (grant *auth.UserGrant, _ *refusal) {
	if r := c.refusedTooOften(); r != nil {
		return nil, r
	}
	ctx, cancel := c.server.ruleContext()
	defer cancel()
	err := c.server.contain("Authorizer", func() (err error) {
		grant, err = c.server.config.Authorizer.AuthorizeUser(ctx, c.identity, c.id)
		switch {
		case err != nil:
			return err
		case grant == nil:
			return errNoGrant
		case !c.ours(grant.Auth, func(signer *pusherproto.Signer, signature string) bool {
			return signer.VerifyUserAuth(signature, c.id, grant.UserData)
		}):
			return errForeignGrant
		}
		return nil
	})
	if err != nil {
		return nil, c.denied(err, slog.String("event", "pusher:signin"))
	}
	return grant, nil
}

var (
	errUserID    = errors.New("the user's id in user_data must be a string that is not empty")
	errUserInfo  = errors.New("user_info in user_data must be an object")
	errWatchlist = errors.New("watchlist in user_data must be an array of strings")
)

// parseUser reads user_data, whose signature has been checked or which the
// Authorizer returned. It cuts off a watch list that is too long, and returns
// how many users are cut off.
func parseUser(userData string, l *Limits) (u *signedIn, excess int, err error) {
	var room [8]strictjson.Member
	fields, err := strictjson.AppendObject(room[:0], []byte(userData))
	if err != nil {
		return nil, 0, fmt.Errorf("user_data is %w", err)
	}
	u = &signedIn{info: []byte("null")}
	for _, f := range fields {
		switch null := string(f.Value) == "null"; {
		case f.Name == "id":
			if u.id, _ = strictjson.String(f.Value); u.id == "" {
				return nil, 0, errUserID
			}
		case f.Name == "user_info" && !null:
			if f.Value[0] != '{' {
				return nil, 0, errUserInfo
			}
			u.info = bytes.Clone(f.Value)
		case f.Name == "watchlist" && !null:
			var ok bool
			if u.watchlist, ok = strictjson.AppendStrings(nil, f.Value); !ok {
				return nil, 0, errWatchlist
			}
		}
	}
	if u.id == "" {
		return nil, 0, errUserID
	}
	if over(len(u.watchlist), l.Watchlist) {
		excess = len(u.watchlist) - l.Watchlist
		u.watchlist = u.watchlist[:l.Watchlist]
	}
	return u, excess, checkUser(u.id, u.info, l)
}

func signedInFrame(userData string) []byte {
	return protocolFrame(eventSignedIn, "", append(appendQuoted([]byte(`{"user_data":`), userData), '}'))
}
