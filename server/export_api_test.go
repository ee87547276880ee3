package server

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/onairgo/onair/internal/bodytime"
	"github.com/onairgo/onair/internal/pusherproto"
)

// Names for the black-box tests of the HTTP API.
const (
	IdempotencyWindow   = idempotencyWindow
	IdempotencyEntries  = idempotencyEntries
	IdempotencyHeader   = idempotencyHeader
	IdempotencyReplayed = idempotencyReplayed
	APIBodyTimeout      = bodytime.Limit
)

// VerifyRequest checks the signature of a request with the secret at the time,
// as the HTTP API does. path is escaped and begins behind prefix.
func VerifyRequest(secret, method, prefix, path, rawQuery string, body []byte, now time.Time) error {
	q, err := parseSignedQuery(rawQuery)
	if err != nil {
		return err
	}
	if err := q.verify(pusherproto.NewSigner(secret), method, signedPaths(prefix, path), now); err != nil {
		return err
	}
	return q.verifyBody(body)
}

// ReadEvent reads the body of the events endpoint and returns what would be
// published.
func ReadEvent(body []byte) (event, data string, channels []string, socketID string, err error) {
	var l Limits
	l.setDefaults()
	p, err := readEvent(body, l)
	for _, ch := range p.channels {
		channels = append(channels, ch.String())
	}
	return p.event, p.data, channels, p.socketID, err
}

// ReadBatch reads the body of the batch_events endpoint and returns how many
// events it holds.
func ReadBatch(body []byte) (int, error) {
	var l Limits
	l.setDefaults()
	batch, err := readBatch(body, l)
	return len(batch), err
}

// ErrorStatus returns the status and the text that the caller would get.
func ErrorStatus(err error) (int, string) {
	if e, ok := err.(*apiError); ok {
		return e.status, e.text
	}
	return 0, ""
}

// IdempotencyStore is the store of one app.
type IdempotencyStore struct{ s idempotencyStore }

// Do calls publish under the key and returns the answer's body.
func (s *IdempotencyStore) Do(ctx context.Context, key, request string, publish func() (string, error)) (body string, replayed bool, err error) {
	answer, replayed, err := s.s.do(ctx, key, sha256.Sum256([]byte(request)), func() (apiAnswer, error) {
		body, err := publish()
		return apiAnswer{200, []byte(body)}, err
	})
	return string(answer.body), replayed, err
}

// Held returns how many keys and bytes the store holds.
func (s *IdempotencyStore) Held() (keys, bytes int) {
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	return len(s.s.entries), s.s.bytes
}

// Overflowed tells whether there is an overflow to log.
func (s *IdempotencyStore) Overflowed() bool { return s.s.overflowed() }
