package auth

import (
	"context"
	"net/http"

	"github.com/onairgo/onair/channel"
)

// Authorizer decides subscriptions without HTTP. [Handler] implements it; the
// embedded server calls it, and so can the tests of an application's rules.
type Authorizer interface {
	// Identify finds out who sends the request. A guest is no error: the
	// Identity says so itself. The Identity must not keep the request, which
	// is over before the Identity is.
	Identify(r *http.Request) (Identity, error)
	// Authorize decides whether the identity may subscribe. A refusal is a
	// [*DenyError]; any other error is a fault of the program. The channel
	// must be private, presence or encrypted.
	Authorize(ctx context.Context, id Identity, socketID string, ch channel.Channel) (*Grant, error)
	// AuthorizeUser decides who signs in with the identity. A refusal is a
	// [*DenyError].
	AuthorizeUser(ctx context.Context, id Identity, socketID string) (*UserGrant, error)
}

// Identity is what an [Authorizer] found out about a request. Its content is
// the Authorizer's own.
type Identity any

// Grant is an authorised subscription: the answer that pusher-js expects of
// the endpoint.
type Grant struct {
	// Auth is the app's key, a colon and the signature.
	Auth string `json:"auth"`
	// ChannelData is the signed JSON that describes a presence member; empty
	// on other channels.
	ChannelData string `json:"channel_data,omitempty"`
	// SharedSecret opens the events of an encrypted channel; empty on others.
	SharedSecret string `json:"shared_secret,omitempty"`
}

// UserGrant is an authorised sign-in: the answer that pusher-js expects.
type UserGrant struct {
	// Auth is the app's key, a colon and the signature.
	Auth string `json:"auth"`
	// UserData is the signed JSON that describes the user.
	UserData string `json:"user_data"`
}

// Member is one member of a presence channel.
type Member struct {
	// ID identifies the user, at most 128 bytes. Connections with the same ID
	// are one member.
	ID string
	// Info is what the page gets about the member: any value that
	// encoding/json takes. Echo hands only Info to here, joining and leaving,
	// so put the id in as well if the page needs it. nil sends no info.
	Info any
}

// UserData describes a user who signs in.
type UserData struct {
	// ID identifies the user, at most 128 bytes. Events reach the user under
	// it, so it must be made of the characters of channel names.
	ID string
	// Info is what other parts of the protocol tell about the user: a value
	// that encodes as a JSON object, or nil.
	Info any
	// Watchlist holds the ids of up to 100 users whose coming and going the
	// page is told of.
	Watchlist []string
	// Extra holds further members of the signed JSON, which the page can read
	// in pusher.user.user_data. The names of the fields above are refused.
	Extra map[string]any
}
