package auth

// Cache is cache for its test.
type Cache = cache[int, string]

// NewCache is newCache for its test.
func NewCache(size int) *Cache { return newCache[int, string](size) }

// Get is get for the test.
func (c *cache[K, V]) Get(key K) (V, bool) { return c.get(key) }

// Put is put for the test.
func (c *cache[K, V]) Put(key K, v V) { c.put(key, v) }
