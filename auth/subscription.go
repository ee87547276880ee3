package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/onairgo/onair/channel"
)

// Subscription is what a rule decides on: the channel, the connection that asks
// for it, and the values of the pattern's parameters. All of it has been
// validated. A Subscription is immutable.
type Subscription struct {
	channel  channel.Channel
	socketID string
	pattern  *channel.Pattern
	values   []string
	room     [2]string      // backs values, so that most subscriptions need one allocation
	bound    map[string]any // by parameter; nil if nothing is bound
}

// Channel returns the channel. Its kind tells encrypted channels, which rules
// for private channels also decide, from private ones.
func (s *Subscription) Channel() channel.Channel { return s.channel }

// SocketID returns the socket id of the connection.
func (s *Subscription) SocketID() string { return s.socketID }

// Param returns the text of the named parameter: one or more characters other
// than a dot, exactly as the client sent them. Use the function [Param] for
// numbers and other types.
//
// It is a mistake in the program to ask for a name that the pattern does not
// have. Param then panics, the request gets status 500, and the log lists the
// names that the pattern has.
func (s *Subscription) Param(name string) string { return s.values[s.index(name)] }

// index returns the index of a parameter, or panics.
func (s *Subscription) index(name string) int {
	i := slices.Index(s.pattern.Names(), name)
	if i < 0 {
		known := "no parameters"
		if names := s.pattern.Names(); len(names) > 0 {
			known = "only " + strings.Join(names, ", ")
		}
		panic(fmt.Sprintf("auth: no parameter %q: the pattern %q has %s", name, s.pattern, known))
	}
	return i
}

// bind loads the values that are bound to parameters.
func (s *Subscription) bind(ctx context.Context, bindings map[string]*binding) error {
	if len(bindings) == 0 {
		return nil
	}
	for i, name := range s.pattern.Names() {
		b, ok := bindings[name]
		if !ok {
			continue
		}
		v, err := b.load(ctx, s.values[i])
		if err != nil {
			return fmt.Errorf("binding %q: %w", name, err)
		}
		if s.bound == nil {
			s.bound = make(map[string]any)
		}
		s.bound[name] = v
	}
	return nil
}
