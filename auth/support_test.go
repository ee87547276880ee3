package auth_test

import (
	"log/slog"

	"github.com/onairgo/onair/auth"
)

// quiet keeps a test's expected faults out of its output.
var quiet = auth.WithLogger(slog.New(slog.DiscardHandler))
