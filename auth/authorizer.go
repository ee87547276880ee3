package auth

import (
	"context"
	"net/http"

	"github.com/onairgo/onair/channel"
)

// Authorizer decides subscriptions without an HTTP round trip. [Handler]
// implements it. The embedded server uses it, and so can the tests of an
// application's rules.
type Authorizer interface {
	// Identify finds out who sent the request. A guest is not an error but an
	// Identity. The Identity must not retain the request, since it is still used
	// after the request has ended.
	Identify(r *http.Request) (Identity, error)
	// Authorize decides whether the identity may subscribe to the channel, which
	// must be private, presence or encrypted. A refusal is a [*DenyError]; any
	// other error is a fault in the program.
	Authorize(ctx context.Context, id Identity, socketID string, ch channel.Channel) (*Grant, error)
	// AuthorizeUser decides whether the identity may sign in, and as whom. A
	// refusal is a [*DenyError].
	AuthorizeUser(ctx context.Context, id Identity, socketID string) (*UserGrant, error)
}

// Identity is what an [Authorizer] found out about the sender of a request.
// Only the Authorizer that made it knows its contents.
type Identity any

// Grant is an authorised subscription. Its JSON form is the response that
// pusher-js expects from the channel endpoint.
type Grant struct {
	// Auth is the app's key, a colon and the signature.
	Auth string `json:"auth"`
	// ChannelData is the signed JSON that describes a presence member. It is empty
	// for other channels.
	ChannelData string `json:"channel_data,omitempty"`
	// SharedSecret is the key, in base64, that decrypts the events of an encrypted
	// channel. It is empty for other channels.
	SharedSecret string `json:"shared_secret,omitempty"`
}

// UserGrant is an authorised sign-in. Its JSON form is the response that
// pusher-js expects from the sign-in endpoint.
type UserGrant struct {
	// Auth is the app's key, a colon and the signature.
	Auth string `json:"auth"`
	// UserData is the signed JSON that describes the user.
	UserData string `json:"user_data"`
}

// Member is one member of a presence channel.
type Member struct {
	// ID identifies the user. It must not be empty or longer than [MaxUserID]
	// bytes. Connections with the same ID count as one member.
	ID string
	// Info is what pages are told about the member. It may be any value that
	// encoding/json can encode; nil sends nothing. Echo passes only Info, not ID,
	// to its here, joining and leaving callbacks, so include the id in Info if the
	// page needs it.
	Info any
}

// UserData describes a user who signs in.
type UserData struct {
	// ID identifies the user. It must not be empty or longer than [MaxUserID]
	// bytes. It is part of the name of the channel that carries the user's events,
	// so it may contain only the characters allowed in channel names.
	ID string
	// Info describes the user to other parts of the protocol, as user_info. It
	// must encode as a JSON object, or be nil.
	Info any
	// Watchlist holds the ids of the users whose going online and offline the page
	// is told about, at most [MaxWatchlist].
	Watchlist []string
	// Extra holds further members of the signed JSON, which the page can read from
	// pusher.user.user_data. It must not contain the keys id, user_info or
	// watchlist, which have fields of their own.
	Extra map[string]any
}
