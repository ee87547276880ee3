package auth

import "sync"

// cache is a map of bounded size that drops entries which have not been used
// for a while: when the young half is full, it becomes the old half, and the
// previous old half is dropped. It is safe for concurrent use.
type cache[K comparable, V any] struct {
	half       int
	mu         sync.Mutex
	young, old map[K]V
}

func newCache[K comparable, V any](size int) *cache[K, V] {
	return &cache[K, V]{half: size / 2, young: make(map[K]V)}
}

func (c *cache[K, V]) get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.look(key)
}

// getOr returns the value for the key, first storing the result of create if
// there is none. Concurrent callers get the same value.
func (c *cache[K, V]) getOr(key K, create func() V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	v, ok := c.look(key)
	if !ok {
		v = create()
		c.insert(key, v)
	}
	return v
}

func (c *cache[K, V]) look(key K) (V, bool) {
	if v, ok := c.young[key]; ok {
		return v, true
	}
	v, ok := c.old[key]
	if ok {
		c.insert(key, v)
	}
	return v, ok
}

func (c *cache[K, V]) put(key K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.insert(key, v)
}

func (c *cache[K, V]) insert(key K, v V) {
	if len(c.young) >= c.half {
		c.young, c.old = make(map[K]V, c.half), c.young
	}
	c.young[key] = v
}
