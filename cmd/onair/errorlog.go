package main

import (
	"context"
	"log"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// errorLog is where net/http tells of what went wrong with a connection. Strangers
// can cause it as often as they like, by what is no TLS, so beyond ten lines and
// one a minute it is of level debug.
type errorLog struct {
	log   *slog.Logger
	lines *rate.Limiter
}

func newErrorLog(l *slog.Logger) *log.Logger {
	return log.New(&errorLog{l, rate.NewLimiter(rate.Every(time.Minute), 10)}, "", 0)
}

// Write takes one line.
func (e *errorLog) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	if e.lines.Allow() {
		level = slog.LevelWarn
	}
	e.log.Log(context.Background(), level, strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}
