package server

import (
	"context"

	"github.com/onairgo/onair/channel"
)

// Publish publishes as the HTTP API does, which for an encrypted channel is
// given sealed data.
func Publish(ctx context.Context, s *Server, event, data string, channels ...channel.Channel) error {
	a, err := s.apps.sole()
	if err != nil {
		return err
	}
	return a.publish(ctx, event, data, channels, "")
}
