// Package bodytime bounds how long the body of a stranger's HTTP request may
// take to arrive.
package bodytime

import (
	"net/http"
	"time"
)

// Limit is how long a body may take.
const Limit = 10 * time.Second

// Bound makes reading the body fail with os.ErrDeadlineExceeded after the limit.
// Call it before anything is refused: net/http waits for the body of a refused
// request too before it ends it. It does nothing for a writer without deadlines,
// as tests have them.
func Bound(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(Limit)) // ErrNotSupported
	}
}

// Arrived ends what Bound began. Call it once the body is read: what follows may
// take longer than the limit, and net/http cancels the request's context when a
// read fails.
func Arrived(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // ErrNotSupported
}
