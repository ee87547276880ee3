package auth

import (
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// Cache is cache for its test.
type Cache = cache[int, string]

// NewCache is newCache for its test.
func NewCache(size int) *Cache { return newCache[int, string](size) }

// Get is get for the test.
func (c *cache[K, V]) Get(key K) (V, bool) { return c.get(key) }

// Put is put for the test.
func (c *cache[K, V]) Put(key K, v V) { c.put(key, v) }

// Len returns how many keys are held; young and old have none in common but
// what was looked at of late.
func (c *cache[K, V]) Len() int { return len(c.young) + len(c.old) }

// Sign checks and signs a subscription as [Handler.Authorize] does once a rule
// has allowed it.
func (h *Handler[U]) Sign(socketID, name string, m *Member) (authField, channelData string, err error) {
	ch, err := channel.Parse(name)
	if err != nil || !ch.Kind().Guarded() || !pusherproto.ValidSocketID(socketID) {
		return "", "", malformedName(err)
	}
	if m != nil {
		if channelData, err = encode(m, h.memberLimit); err != nil {
			return "", "", err
		}
	}
	return h.apps.static.channelAuth(socketID, ch.String(), channelData), channelData, nil
}
