package server

import (
	"log/slog"
	"time"

	"github.com/onairgo/onair/auth"
)

// Config configures a [Server].
type Config struct {
	// App is the one app that the server serves.
	App auth.App
	// Apps are further apps.
	Apps []auth.App
	// Prefix is the path that the server is mounted below, such as
	// "/realtime"; empty for the root. Clients are given it as wsPath.
	Prefix string
	// Limits bounds what clients and publishers may do.
	Limits Limits
	// Logger takes the server's log; nil is slog.Default.
	Logger *slog.Logger
}

// Limits are the bounds of a [Server]. For each of them zero is the default
// and a negative value means no limit.
type Limits struct {
	// EventData is the most bytes of an event's data; 10,240 by default.
	EventData int
	// EventName is the most bytes of an event's name; 200 by default.
	EventName int
	// ChannelName is the most bytes of a channel's name, prefix included; 200
	// by default, which is also the most.
	ChannelName int
	// Channels is the most channels of one request to publish; 100 by default.
	Channels int
	// Batch is the most events of one batch request; 10 by default.
	Batch int
	// CacheTTL is how long a cache channel keeps its last event; 30 minutes by
	// default.
	CacheTTL time.Duration
}
