package main

import (
	"context"
	"log"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// errorLog receives what net/http reports about failing connections. Strangers
// can cause as many reports as they like, for example by not speaking TLS. So
// after ten lines, only one line a minute is logged as a warning, and the rest
// at level debug.
type errorLog struct {
	log   *slog.Logger
	lines *rate.Limiter
}

func newErrorLog(l *slog.Logger) *log.Logger {
	return log.New(&errorLog{l, rate.NewLimiter(rate.Every(time.Minute), 10)}, "", 0)
}

// Write logs one line.
func (e *errorLog) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	if e.lines.Allow() {
		level = slog.LevelWarn
	}
	e.log.Log(context.Background(), level, strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}
