package auth_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/auth"
)

func TestCacheKeepsWhatIsUsed(t *testing.T) {
	t.Parallel()
	c := auth.NewCache(8)
	kept := func() int {
		n := 0
		for i := range 1000 {
			if v, ok := c.Get(i); ok {
				assert.Equal(t, strconv.Itoa(i), v)
				n++
			}
		}
		return n
	}
	for i := range 1000 {
		c.Put(i, strconv.Itoa(i))
		if i < 3 {
			continue
		}
		v, ok := c.Get(3)
		assert.True(t, ok, "what is asked for is not forgotten")
		assert.Equal(t, "3", v)
		v, ok = c.Get(i)
		assert.True(t, ok)
		assert.Equal(t, strconv.Itoa(i), v)
	}
	_, ok := c.Get(500)
	assert.False(t, ok, "what is not used goes")
	n := kept()
	assert.Positive(t, n)
	assert.LessOrEqual(t, n, 8)
}

func TestSizeOfTheCache(t *testing.T) {
	t.Parallel()
	c := auth.NewCache(8)
	most := 0
	for i := range 100 {
		c.Put(i, "")
		most = max(most, c.Len())
	}
	assert.Equal(t, 8, most, "it fills and never overflows")
}
