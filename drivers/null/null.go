// Package null is the driver that sends nothing: Laravel's null connection,
// for tests and for machines without a broadcasting service.
//
// Everything before the driver stays as it is. Events are still asked,
// checked and encoded, so a mistake in one shows, and package auth goes on
// deciding and signing subscriptions, as it does not depend on a driver.
// Laravel's null driver answers every subscription with an empty 200; here a
// refusal stays a refusal.
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

// Broadcast discards the messages and returns nil. With a context that is done
// it returns the context's error as every driver does, so that a program that
// hands over the wrong context learns of it here too.
func (Driver) Broadcast(ctx context.Context, _ []broadcast.Message) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("null: %w", err)
	}
	return nil
}
