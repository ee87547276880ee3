// Package null is a driver that sends nothing, like Laravel's null connection.
// It is meant for tests and for machines without a broadcasting service.
//
// Everything before the driver works as usual. Events are still checked and
// encoded, so a mistake in one is found. Package auth still authorises and signs
// subscriptions, because it does not depend on a driver. Laravel's null driver
// answers every subscription request with an empty 200; here a subscription
// that a rule denies is still denied.
package null

import (
	"context"
	"fmt"

	"github.com/onairgo/onair/broadcast"
)

// Driver discards messages. The zero value is ready to use, and safe for
// concurrent use.
type Driver struct{}

var _ broadcast.Driver = Driver{}

// New returns a Driver.
func New() Driver { return Driver{} }

// Broadcast discards the messages and returns nil. If the context is done, it
// returns an error that wraps the context's cause, as every driver does, so
// that a program that passes the wrong context notices it here too.
func (Driver) Broadcast(ctx context.Context, _ []broadcast.Message) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("null: %w", err)
	}
	return nil
}
