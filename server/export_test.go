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

// ParseMessage reads a message of a client. reason says what is wrong with it.
func ParseMessage(b []byte) (event, channel string, data []byte, reason string) {
	in, reason := parseInbound(b)
	return in.event, in.channel, in.data, reason
}

// AppendQuoted appends s as the JSON string that goes out.
func AppendQuoted(dst []byte, s string) []byte { return appendQuoted(dst, s) }

// ClientEventData returns the data of a client event as it goes out.
func ClientEventData(data []byte) []byte { return clientEventData(data) }
