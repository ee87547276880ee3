package server

import (
	"context"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

// idempotencyHeader is the header that carries the key of a publish request. A
// repeated request with the same key gets the answer of the first and is not
// delivered again.
const idempotencyHeader = "X-Idempotency-Key"

// idempotencyReplayed is the header that marks the answer to a repeated
// request.
const idempotencyReplayed = "X-Idempotency-Replayed"

const (
	idempotencyWindow   = 5 * time.Minute
	idempotencyEntries  = 1 << 16
	idempotencyBytes    = 16 << 20
	maxIdempotencyKey   = 255
	idempotencyOverhead = 256 // of an entry in memory, beside key and answer
)

// idempotencyStore remembers the answers to those publish requests of one app
// that carried a key. It keeps each for idempotencyWindow after the request has
// ended. It is bounded by count and bytes, and forgets the oldest first when it
// is full. It remembers only what was carried out, so that a failed request can
// be tried again. The zero value is an empty store. It is safe for concurrent
// use and holds no goroutine.
type idempotencyStore struct {
	mu      sync.Mutex
	entries map[string]*idempotentCall
	done    []*idempotentCall // carried out, the oldest first
	bytes   int
	early   time.Time // when a key was last forgotten inside its window
	warned  time.Time // when overflowed last reported it
}

// idempotentCall is a request with a key, under way or carried out.
type idempotentCall struct {
	key     string
	request [sha256.Size]byte // what was asked for
	ended   chan struct{}     // closed when it is no longer under way
	answer  apiAnswer
	expires time.Time
}

func (c *idempotentCall) size() int { return len(c.key) + len(c.answer.body) + idempotencyOverhead }

// do calls publish, unless a call with the key and for the same request was
// carried out within the window. In that case it returns the answer of that
// call and true. While such a call is under way, do waits for it, and calls
// publish itself if that one fails.
func (s *idempotencyStore) do(ctx context.Context, key string, request [sha256.Size]byte, publish func() (apiAnswer, error)) (apiAnswer, bool, error) {
	for {
		call, mine := s.begin(key, request)
		if mine {
			answer, err := s.carryOut(call, publish)
			return answer, false, err
		}
		if call.request != request {
			return apiAnswer{}, false, apiErrorf(http.StatusUnprocessableEntity,
				"%s was used within the last %s for another request; send each event with a key of its own", idempotencyHeader, idempotencyWindow)
		}
		select {
		case <-call.ended:
		case <-ctx.Done():
			return apiAnswer{}, false, ctx.Err()
		}
		if call.answer.status != 0 {
			return call.answer, true, nil
		}
	}
}

// begin returns the call with the key, and whether it is a new one, which the
// caller has to carry out.
func (s *idempotencyStore) begin(key string, request [sha256.Size]byte) (call *idempotentCall, mine bool) {
	s.expire(time.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	if call := s.entries[key]; call != nil {
		return call, false
	}
	if s.entries == nil {
		s.entries = make(map[string]*idempotentCall)
	}
	call = &idempotentCall{key: key, request: request, ended: make(chan struct{})}
	s.entries[key] = call
	return call, true
}

// expire forgets the calls that are older than the window.
func (s *idempotencyStore) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.done) > 0 && !s.done[0].expires.After(now) {
		s.forgetOldest()
	}
}

func (s *idempotencyStore) carryOut(call *idempotentCall, publish func() (apiAnswer, error)) (answer apiAnswer, err error) {
	carriedOut := false
	defer func() { // also when publish panics
		s.mu.Lock()
		defer s.mu.Unlock()
		if carriedOut {
			s.remember(call, answer)
		} else {
			delete(s.entries, call.key)
		}
		close(call.ended)
	}()
	answer, err = publish()
	carriedOut = err == nil
	return answer, err
}

func (s *idempotencyStore) remember(call *idempotentCall, answer apiAnswer) {
	call.answer = answer
	call.expires = time.Now().Add(idempotencyWindow)
	s.done = append(s.done, call)
	s.bytes += call.size()
	for len(s.done) > idempotencyEntries || s.bytes > idempotencyBytes {
		s.forgetOldest()
		s.early = time.Now()
	}
}

// overflowed reports, at most once per window, that keys were forgotten before
// their window had passed.
func (s *idempotencyStore) overflowed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.early.IsZero() || s.early.Sub(s.warned) < idempotencyWindow {
		return false
	}
	s.warned = s.early
	return true
}

func (s *idempotencyStore) forgetOldest() {
	oldest := s.done[0]
	s.done[0] = nil
	s.done = s.done[1:]
	s.bytes -= oldest.size()
	delete(s.entries, oldest.key)
}

// idempotencyKey returns the request's key, or "" if it has none.
func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values(idempotencyHeader)
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey {
		return "", badRequest("%s must be given once, with 1 to %d characters", idempotencyHeader, maxIdempotencyKey)
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return "", badRequest("%s may hold only visible ASCII characters, such as those of a UUID", idempotencyHeader)
		}
	}
	return key, nil
}
