package auth_test

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
)

// from returns the request as it comes from an address.
func from(r *http.Request, address string) *http.Request {
	r.RemoteAddr = address
	return r
}

func TestRefusalLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := batchHandler(auth.WithRefusalLimit(0.1, 3))
		refused := func(name string) answer { return ask(t, h, from(subscribe(name), "203.0.113.9:1")) }
		for _, name := range []string{"private-orders.8", "private-unknown", "private-a%20b"} {
			assert.NotEqual(t, http.StatusTooManyRequests, refused(name).Status)
		}
		a := refused("private-orders.7")
		assert.Equal(t, http.StatusTooManyRequests, a.Status, "not even what is allowed")
		assert.Equal(t, "10", a.Header.Get("Retry-After"))
		assert.Equal(t, "too many refused requests", a.Message)
		assert.Equal(t, http.StatusOK, ask(t, h, from(subscribe("private-orders.7"), "203.0.113.10:1")).Status, "others are not harmed")

		time.Sleep(9 * time.Second)
		a = refused("private-orders.7")
		assert.Equal(t, "1", a.Header.Get("Retry-After"))
		time.Sleep(time.Second)
		assert.Equal(t, http.StatusOK, refused("private-orders.7").Status)
		assert.Equal(t, http.StatusOK, refused("private-orders.7").Status, "what is allowed costs nothing")
		assert.Equal(t, http.StatusForbidden, refused("private-orders.8").Status)
		assert.Equal(t, http.StatusTooManyRequests, refused("private-orders.8").Status)
	})
}

func TestClientsThatAreRefusedTooOftenAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l log
		h := newHandler(l.at(slog.LevelInfo), auth.WithRefusalLimit(0.001, 1), auth.WithClientKey(func(*http.Request) string { return "its-token" }))
		refused := func() { ask(t, h, from(subscribe("private-unknown"), "203.0.113.9:1")) }
		refused()
		assert.Empty(t, l.String())
		for range 3 {
			refused()
		}
		assert.Equal(t, 1, strings.Count(l.String(), "level=WARN"))
		assert.Contains(t, l.String(), "WithClientKey")
		assert.Contains(t, l.String(), "remote_addr=203.0.113.9:1")
		assert.NotContains(t, l.String(), "its-token", "it may be a secret")
		time.Sleep(time.Minute)
		refused()
		assert.Equal(t, 2, strings.Count(l.String(), "level=WARN"))
	})
}

// TestRefusalsAtTheSameTime has a client ask many times at once, before the first
// refusal is there to count.
func TestRefusalsAtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const asked, burst = 50, 3
		h := newHandler(auth.WithRefusalLimit(0, burst)) // the default rate, one a second
		h.Private("slow", func(context.Context, *user, *auth.Subscription) (bool, error) {
			time.Sleep(time.Millisecond)
			return false, nil
		})
		var all sync.WaitGroup
		for range asked {
			all.Go(func() { assert.Equal(t, http.StatusForbidden, ask(t, h, subscribe("private-slow")).Status) })
		}
		all.Wait()
		a := ask(t, h, subscribe("private-slow"))
		assert.Equal(t, http.StatusTooManyRequests, a.Status)
		assert.Equal(t, strconv.Itoa(asked-burst+1), a.Header.Get("Retry-After"), "all were counted, and no more than one a second comes back")
		time.Sleep((asked - burst + 1) * time.Second)
		assert.Equal(t, http.StatusForbidden, ask(t, h, subscribe("private-slow")).Status)
		assert.Equal(t, http.StatusTooManyRequests, ask(t, h, subscribe("private-slow")).Status)
	})
}

func TestFaultsAndForeignPagesAreNotCounted(t *testing.T) {
	t.Parallel()
	h := batchHandler(auth.WithRefusalLimit(0.001, 1))
	for range 5 {
		assert.Equal(t, http.StatusInternalServerError, ask(t, h, subscribe("private-panic")).Status)
		r := subscribe("private-orders.7")
		r.Header.Set("Origin", "https://evil.example")
		assert.Equal(t, http.StatusForbidden, ask(t, h, r).Status)
		r = subscribe("private-orders.7")
		r.Method = http.MethodGet
		assert.Equal(t, http.StatusMethodNotAllowed, ask(t, h, r).Status)
	}
	assert.Equal(t, http.StatusOK, ask(t, h, subscribe("private-orders.7")).Status)
}

func TestBothEndpointsShareTheLimit(t *testing.T) {
	t.Parallel()
	h := batchHandler(auth.WithRefusalLimit(0.001, 1))
	users := h.Users(signsIn(nil, nil))
	assert.Equal(t, http.StatusForbidden, ask(t, users, form("socket_id=1.1")).Status)
	assert.Equal(t, http.StatusTooManyRequests, ask(t, users, form("socket_id=1.1")).Status)
	assert.Equal(t, http.StatusTooManyRequests, ask(t, h, subscribe("private-orders.7")).Status)
}

func TestWhoIsOneClient(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		first, second string
		same          bool
	}{
		{"203.0.113.9:1", "203.0.113.9:2", true},
		{"203.0.113.9:1", "203.0.113.10:1", false},
		{"[::ffff:203.0.113.9]:1", "203.0.113.9:1", true},
		{"[2001:db8:1:2:3::4]:1", "[2001:db8:1:2:ffff::1]:1", true}, // a /64 is one customer
		{"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false},
		{"[2001:db8:1:2::1%eth0]:1", "[2001:db8:1:2::1%eth1]:1", true},
		// Proxies, behind which all would be one.
		{"127.0.0.1:1", "127.0.0.1:1", false},
		{"[::1]:1", "[::1]:1", false},
		{"10.1.2.3:1", "10.1.2.3:1", false},
		{"192.168.1.1:1", "192.168.1.1:1", false},
		{"172.16.0.1:1", "172.16.0.1:1", false},
		{"169.254.1.1:1", "169.254.1.1:1", false},
		{"100.64.0.1:1", "100.64.0.1:1", false},
		{"[fd00::1]:1", "[fd00::1]:1", false},
		{"[fe80::1%25eth0]:1", "[fe80::1%25eth0]:1", false},
		{"@", "@", false},
		{"nonsense:1", "nonsense:1", false},
	} {
		h := batchHandler(auth.WithRefusalLimit(0.001, 1))
		assert.Equal(t, http.StatusForbidden, ask(t, h, from(subscribe("private-x"), test.first)).Status)
		limited := ask(t, h, from(subscribe("private-x"), test.second)).Status == http.StatusTooManyRequests
		assert.Equal(t, test.same, limited, "%s and %s", test.first, test.second)
	}
}

func TestClientKey(t *testing.T) {
	t.Parallel()
	var l log
	h := batchHandler(l.option(), auth.WithRefusalLimit(0.001, 1), auth.WithClientKey(func(r *http.Request) string {
		if r.Header.Get("X-Forwarded-For") == "panic" {
			panic("no key")
		}
		return r.Header.Get("X-Forwarded-For")
	}))
	status := func(client string) int {
		r := subscribe("private-x")
		r.Header.Set("X-Forwarded-For", client)
		return ask(t, h, r).Status
	}
	for range 2 {
		assert.Equal(t, 403, status(""), "the empty key is not limited")
	}
	assert.Equal(t, 403, status("a"))
	assert.Equal(t, 429, status("a"))
	assert.Equal(t, 403, status("b"))
	assert.Equal(t, 500, status("panic"))
	assert.Contains(t, l.String(), `err="panic: no key"`)
	assert.Contains(t, l.String(), "limiter_test.go:", "with its stack")
}

func TestLimitOffAndDefaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, test := range []struct {
			name    string
			options []auth.Option
			allowed int
		}{
			{"default", nil, auth.DefaultRefusals},
			{"zeros", []auth.Option{auth.WithRefusalLimit(0, 0), auth.WithClientKey(nil)}, auth.DefaultRefusals},
			{"off", []auth.Option{auth.WithRefusalLimit(-1, 3)}, 1000},
		} {
			h := batchHandler(test.options...)
			n := 0
			for n < 1000 && ask(t, h, subscribe("private-x")).Status == http.StatusForbidden {
				n++
			}
			assert.Equal(t, test.allowed, n, test.name)
		}
	})
}

// Not parallel, since it looks at the heap.
func TestLongClientKeysTakeNoRoom(t *testing.T) {
	n := 0
	h := newHandler(auth.WithClientKey(func(*http.Request) string {
		n++
		return strings.Repeat("x", 100_000) + strconv.Itoa(n)
	}))
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for range 500 {
		require.Equal(t, http.StatusForbidden, ask(t, h, subscribe("private-unknown")).Status)
	}
	assert.Less(t, heap(), before+5<<20, "what clients send as their address is kept")
	runtime.KeepAlive(h)
}
