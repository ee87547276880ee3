package auth

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"

	"github.com/onairgo/onair/internal/pusherproto"
)

// maxApps bounds how many tenants' prepared credentials are cached.
const maxApps = 1024

// credentials are those of an app, prepared for signing.
type credentials struct {
	prefix string // the key and a colon
	signer *pusherproto.Signer
	master *[pusherproto.MasterKeySize]byte // nil without an encryption key
}

func newCredentials(app App) (*credentials, error) {
	if err := app.Validate(); err != nil {
		return nil, err
	}
	c := &credentials{prefix: app.Key + ":", signer: pusherproto.NewSigner(app.Secret)}
	if app.EncryptionKey != "" {
		master, err := pusherproto.DecodeMasterKey(app.EncryptionKey)
		if err != nil {
			return nil, fmt.Errorf("auth: app %q: %w", app.ID, err)
		}
		c.master = &master
	}
	return c, nil
}

// channelAuth returns the auth field of a subscription.
func (c *credentials) channelAuth(socketID, wire, channelData string) string {
	var room [256]byte
	return string(c.signer.AppendChannelAuth(append(room[:0], c.prefix...), socketID, wire, channelData))
}

// userAuth returns the auth field of a sign-in.
func (c *credentials) userAuth(socketID, userData string) string {
	var room [256]byte
	return string(c.signer.AppendUserAuth(append(room[:0], c.prefix...), socketID, userData))
}

// apps finds the credentials for a request.
type apps struct {
	static  *credentials // nil if there is a resolver
	resolve func(*http.Request) (App, error)
	ready   *cache[appKey, *credentials]
}

// appKey identifies an app's credentials in the cache. The secrets are hashed,
// because package fmt prints the keys of a map.
type appKey struct {
	id, key string
	secrets [sha256.Size]byte
}

func newAppKey(app App) appKey {
	return appKey{app.ID, app.Key, sha256.Sum256(fmt.Appendf(nil, "%q %q", app.Secret, app.EncryptionKey))}
}

func newApps(app App, resolve func(*http.Request) (App, error)) (apps, error) {
	if resolve == nil {
		c, err := newCredentials(app)
		return apps{static: c}, err
	}
	if app.ID != "" || app.Key != "" || app.Secret != "" {
		return apps{}, errors.New("there are both an app and WithAppResolver; pass App{} or leave the option out")
	}
	return apps{resolve: resolve, ready: newCache[appKey, *credentials](maxApps)}, nil
}

func (a *apps) of(r *http.Request) (*credentials, error) {
	if a.static != nil {
		return a.static, nil
	}
	app, err := a.ask(r)
	if err != nil {
		return nil, fmt.Errorf("auth: app of the request: %w", err)
	}
	key := newAppKey(app)
	if c, ok := a.ready.get(key); ok {
		return c, nil
	}
	c, err := newCredentials(app)
	if err == nil {
		a.ready.put(key, c)
	}
	return c, err
}

// ask calls the resolver and turns a panic into an error.
func (a *apps) ask(r *http.Request) (app App, err error) {
	defer recovered(&err)
	return a.resolve(r)
}
