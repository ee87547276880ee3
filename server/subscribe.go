package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// refusal says why a client does not get what it asked for.
type refusal struct {
	code    uint16 // of pusher:error
	kind    string // of pusher:subscription_error
	status  int    // of pusher:subscription_error
	message string
}

func unauthorizedRefusal(message string) *refusal {
	return &refusal{closeUnauthorized, "AuthError", http.StatusUnauthorized, message}
}

func malformedRefusal(message string) *refusal {
	return &refusal{noCode, "BadRequest", http.StatusBadRequest, message}
}

func limitReached(message string) *refusal {
	return &refusal{closeOverCapacity, "LimitReached", closeOverCapacity, message}
}

// maxEchoedName is the longest name of a channel that a refusal repeats.
const maxEchoedName = 1 << 10

// refuseSubscription tells the client twice: with an error as Pusher does, and
// with the event that pusher-js and Echo hand to the page.
func (c *conn) refuseSubscription(name string, r *refusal) {
	c.app.stats.refused.Add(1)
	if name == "" || len(name) > maxEchoedName {
		c.sendError(r.code, "", r.message)
		return
	}
	c.sendError(r.code, name, r.message)
	c.send(subscriptionErrorFrame(name, r.kind, r.message, r.status))
}

// subscribeRequest is the data of pusher:subscribe.
type subscribeRequest struct {
	channel     string
	auth        string
	channelData string
}

func (c *conn) handleSubscribe(data []byte) {
	var req subscribeRequest
	reason := c.fields(data, map[string]*string{"channel": &req.channel, "auth": &req.auth, "channel_data": &req.channelData})
	if reason != "" {
		c.refuseSubscription(req.channel, malformedRefusal("pusher:subscribe: "+reason))
		return
	}
	if sub := c.subscription(req.channel); sub != nil {
		c.welcomeAgain(sub)
		c.pace()
		return
	}
	if r := c.subscribe(&req); r != nil {
		c.refuseSubscription(req.channel, r)
	}
}

func (c *conn) subscribe(req *subscribeRequest) *refusal {
	s := c.server
	ch, err := channel.Parse(req.channel)
	if err != nil {
		return malformedRefusal(strings.TrimPrefix(err.Error(), "channel: "))
	}
	if over(len(req.channel), s.limits.ChannelName) {
		return malformedRefusal(fmt.Sprintf("the channel's name has %d bytes, the limit is %d", len(req.channel), s.limits.ChannelName))
	}
	c.app.hintDoublePrefix(context.Background(), ch, "page subscribes to a channel with two prefixes; Echo adds the prefix itself, so leave it out in private(), join() and encryptedPrivate()")
	if over(len(c.subs)+1, s.limits.ChannelsPerConnection) {
		return limitReached(fmt.Sprintf("the connection is on %d channels, which is the limit", len(c.subs)))
	}
	var m *member
	switch {
	case ch.Kind() == channel.KindUser:
		if c.user == nil || c.user.id != ch.Name() {
			return unauthorizedRefusal("only the connections of a user who has signed in may be on the user's own channel")
		}
	case ch.Kind().Guarded():
		var r *refusal
		if m, r = c.authorize(ch, req); r != nil {
			return r
		}
	}
	sub := &subscription{conn: c, name: req.channel, ch: ch}
	if r := c.join(sub, m); r != nil {
		return r
	}
	c.subs = append(c.subs, sub)
	if ch.Kind().Guarded() {
		c.authorized.Store(true)
	}
	return nil
}

// authorize decides about a guarded channel: by the signature in the request
// or, if there is none, by the Authorizer. For a presence channel it returns
// the member.
func (c *conn) authorize(ch channel.Channel, req *subscribeRequest) (*member, *refusal) {
	channelData := req.channelData
	switch {
	case req.auth != "":
		key, signature, _ := strings.Cut(req.auth, ":")
		signer := c.app.signer(key)
		if signer == nil || !signer.VerifyChannelAuth(signature, c.id, req.channel, channelData) {
			return nil, c.wrongSignature("subscription", c.id+":"+req.channel, channelData)
		}
	case c.server.config.Authorizer != nil:
		grant, r := c.askAuthorizer(ch)
		if r != nil {
			return nil, r
		}
		channelData = grant.ChannelData // the client's own is not to be trusted
	default:
		return nil, unauthorizedRefusal("the subscription carries no auth, which this channel needs, and the server has no Authorizer to decide without")
	}
	if ch.Kind() != channel.KindPresence {
		return nil, nil
	}
	if channelData == "" {
		if c.user == nil {
			return nil, unauthorizedRefusal("a presence channel needs channel_data, or a user who has signed in")
		}
		return c.user.member(), nil
	}
	m, err := parseMember(channelData, &c.server.limits)
	if err != nil {
		return nil, unauthorizedRefusal(err.Error())
	}
	return m, nil
}

// wrongSignature returns the refusal of a signature. In development it says
// what should have been signed, which contains no secret.
func (c *conn) wrongSignature(what, toSign, data string) *refusal {
	c.hintSignature(what)
	message := "the auth of the " + what + " is not valid for this connection"
	if c.server.config.Development {
		if data != "" {
			toSign += ":" + data
		}
		message += fmt.Sprintf("; expected is the app's key, a colon and the hexadecimal HMAC-SHA256, under the app's secret, of %s", quoted(toSign))
	}
	return unauthorizedRefusal(message)
}

// askAuthorizer lets the application decide, for whoever opened the connection.
func (c *conn) askAuthorizer(ch channel.Channel) (grant *auth.Grant, _ *refusal) {
	if r := c.refusedTooOften(); r != nil {
		return nil, r
	}
	ctx, cancel := c.server.ruleContext()
	defer cancel()
	err := c.server.contain("Authorizer", func() (err error) {
		grant, err = c.server.config.Authorizer.Authorize(ctx, c.identity, c.id, ch)
		switch {
		case err != nil:
			return err
		case grant == nil:
			return errNoGrant
		case !c.ours(grant.Auth, func(signer *pusherproto.Signer, signature string) bool {
			return signer.VerifyChannelAuth(signature, c.id, ch.String(), grant.ChannelData)
		}):
			return errForeignGrant
		}
		return nil
	})
	if err != nil {
		return nil, c.denied(err, slog.String("channel", ch.String()))
	}
	return grant, nil
}

var (
	errNoGrant      = errors.New("server: the Authorizer returned neither a grant nor an error")
	errForeignGrant = errors.New("server: the Authorizer's grant is not signed with a key of the connection's app; does it decide for another app?")
)

// ours reports whether a grant of the Authorizer is for the connection's app.
// With several apps, only the grant's signature tells. The page chooses the app
// by the key that it connects with, and the Authorizer sees nothing but the
// request, so otherwise a user of one tenant could join the channels of
// another. An Authorizer that signs nothing can serve only one app.
func (c *conn) ours(auth string, verify func(signer *pusherproto.Signer, signature string) bool) bool {
	if auth == "" {
		_, err := c.server.apps.sole()
		return err == nil
	}
	key, signature, _ := strings.Cut(auth, ":")
	signer := c.app.signer(key)
	return signer != nil && verify(signer, signature)
}

// denied turns the error of the Authorizer into the client's refusal. An error
// that is a fault of the program is logged and not shown.
func (c *conn) denied(err error, about slog.Attr) *refusal {
	deny, ok := errors.AsType[*auth.DenyError](err)
	if ok || errors.Is(err, errForeignGrant) { // counts as well, since the page chose the app
		c.countRefusal()
	}
	if !ok {
		c.server.log.Error("authorization failed", slog.String("app", c.app.id), slog.String("socket_id", c.id), about, slog.Any("error", err))
		return &refusal{closeUnauthorized, "AuthError", http.StatusInternalServerError, "the authorization could not be decided"}
	}
	message := deny.Message
	if message == "" {
		message = "forbidden"
	}
	if c.server.config.Development && deny.Reason != "" {
		message += ": " + deny.Reason
	}
	return &refusal{closeUnauthorized, "AuthError", deny.Status, message}
}

// welcomeAgain answers a client that subscribes to a channel it is already on.
func (c *conn) welcomeAgain(sub *subscription) {
	st := c.app.stripe(sub.name)
	st.mu.Lock()
	defer st.mu.Unlock()
	c.send(st.rooms[sub.name].welcome())
}

func (c *conn) handleUnsubscribe(data []byte) {
	var name string
	if reason := c.fields(data, map[string]*string{"channel": &name}); reason != "" {
		c.sendError(noCode, "", "pusher:unsubscribe: "+reason)
		return
	}
	for i, sub := range c.subs {
		if sub.name == name {
			last := len(c.subs) - 1
			c.subs[i], c.subs[last] = c.subs[last], nil
			c.subs = c.subs[:last]
			c.leave(sub)
			c.pace()
			return
		}
	}
}
