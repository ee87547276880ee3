package server

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/pusherproto"
)

var (
	// ErrUnknownApp reports that no app has the id or key that was asked for.
	// Config.Resolve returns it, wrapped or not.
	ErrUnknownApp = errors.New("server: unknown app")
	// ErrAppDisabled may be returned by Config.Resolve, wrapped or not. It
	// turns the clients of the app away for good, with code 4003.
	ErrAppDisabled = errors.New("server: app is disabled")
)

// registry knows the apps of a server: those of the configuration, and those
// that the resolver has returned. It asks the resolver again for each query,
// since keys may change, but keeps the *app, which holds the app's channels.
type registry struct {
	resolve func(context.Context, AppQuery) (auth.App, error)
	static  map[string]*app // by id
	byKey   map[string]*app // of the static ones

	asked   atomic.Uint64 // how often the resolver was asked
	mu      sync.RWMutex
	dynamic map[string]*app // by id
}

// addStatic adds an app of the configuration.
func (g *registry) addStatic(s *Server, c auth.App) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if _, taken := g.static[c.ID]; taken {
		return fmt.Errorf("server: two apps have the id %q", c.ID)
	}
	a := newApp(s, c)
	g.static[c.ID] = a
	for key := range a.credentials.Load().signers {
		if other, taken := g.byKey[key]; taken {
			return fmt.Errorf("server: the apps %q and %q share the key %q", other.id, c.ID, key)
		}
		g.byKey[key] = a
	}
	return nil
}

// find returns the app that the query asks for. The error is [ErrUnknownApp] or
// the resolver's.
func (g *registry) find(ctx context.Context, s *Server, q AppQuery) (*app, error) {
	if a := g.static[q.ID]; a != nil && q.ID != "" {
		return a, nil
	}
	if a := g.byKey[q.Key]; a != nil && q.Key != "" {
		return a, nil
	}
	if g.resolve == nil || q == (AppQuery{}) {
		return nil, ErrUnknownApp
	}
	turn := g.asked.Add(1)
	c, err := g.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	g.mu.RLock()
	a := g.dynamic[c.ID]
	g.mu.RUnlock()
	if a == nil {
		g.mu.Lock()
		if a = g.dynamic[c.ID]; a == nil {
			a = newApp(s, c)
			g.dynamic[c.ID] = a
		}
		g.mu.Unlock()
	}
	a.renew(c, turn)
	if q.Key != "" && a.signer(q.Key) == nil {
		return nil, fmt.Errorf("server: Config.Resolve answered key %q with app %q, which does not have it: %w", q.Key, c.ID, ErrUnknownApp)
	}
	return a, nil
}

func (g *registry) ask(ctx context.Context, q AppQuery) (c auth.App, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("server: Config.Resolve panicked: %v", v)
		}
	}()
	if c, err = g.resolve(ctx, q); err != nil {
		return c, err
	}
	if err := c.Validate(); err != nil {
		return c, err
	}
	if q.ID != "" && c.ID != q.ID {
		return c, fmt.Errorf("server: Config.Resolve answered id %q with app %q", q.ID, c.ID)
	}
	if _, taken := g.static[c.ID]; taken {
		return c, fmt.Errorf("server: Config.Resolve answered with app %q, which is in Config", c.ID)
	}
	return c, nil
}

// all returns every app that the server knows so far.
func (g *registry) all() []*app {
	g.mu.RLock()
	defer g.mu.RUnlock()
	apps := make([]*app, 0, len(g.static)+len(g.dynamic))
	for _, a := range g.static {
		apps = append(apps, a)
	}
	for _, a := range g.dynamic {
		apps = append(apps, a)
	}
	return apps
}

// sole returns the only app of a server that cannot have others.
func (g *registry) sole() (*app, error) {
	if g.resolve == nil && len(g.static) == 1 {
		for _, a := range g.static {
			return a, nil
		}
	}
	return nil, errNoAppChosen
}

var errNoAppChosen = errors.New("server: several apps and none chosen; use For(appID) of the server, such as broadcast.New(srv.For(\"1001\"))")

// credentials are the keys and secrets of an app. They are replaced, never
// changed.
type credentials struct {
	app     auth.App
	signers map[string]*pusherproto.Signer // by key
	master  *[pusherproto.MasterKeySize]byte
}

func newCredentials(c auth.App) *credentials {
	cr := &credentials{app: c, signers: map[string]*pusherproto.Signer{c.Key: pusherproto.NewSigner(c.Secret)}}
	for _, p := range c.Former {
		cr.signers[p.Key] = pusherproto.NewSigner(p.Secret)
	}
	if c.EncryptionKey != "" {
		if master, err := pusherproto.DecodeMasterKey(c.EncryptionKey); err == nil { // Validate has seen it
			cr.master = &master
		}
	}
	return cr
}

// renew adopts what has changed about an app, unless an answer to a later call
// of the resolver is known already. Otherwise a slow answer could bring back
// keys that were given up.
func (a *app) renew(c auth.App, turn uint64) {
	a.renewal.mu.Lock()
	defer a.renewal.mu.Unlock()
	if turn < a.renewal.turn {
		return
	}
	a.renewal.turn = turn
	if have := a.credentials.Load(); !reflect.DeepEqual(have.app, c) {
		a.credentials.Store(newCredentials(c))
	}
}
