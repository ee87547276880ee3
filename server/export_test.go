package server

import (
	"context"
	"sync/atomic"

	"github.com/onairgo/onair/channel"
)

// Each server of the tests has another number of shards, whatever the machine.
func init() {
	var turn atomic.Int32
	writers = func() int { return 1 + int(turn.Add(1)-1)%4 }
}

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

// Occupy keeps the server from writing until release is called, as if it were
// busy.
func Occupy(s *Server) (release func()) {
	for _, sh := range s.shards {
		sh.mu.Lock()
		if sh.running {
			panic("the server is busy")
		}
		sh.running = true
		sh.mu.Unlock()
	}
	return func() {
		for _, sh := range s.shards {
			s.wg.Go(sh.run)
		}
	}
}

// MaxQueuedTasks is how many tasks of writing wait before publishers do.
const MaxQueuedTasks = maxQueuedTasks
