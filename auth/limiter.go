package auth

import (
	"crypto/sha256"
	"math"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

// maxClients bounds how many clients the limiter remembers.
const maxClients = 16384

// maxClientKey is the longest key that is kept as it is. It may be a header of
// the client's.
const maxClientKey = 64

// limiter counts refusals. Clients that are never refused leave no trace in it.
type limiter struct {
	key     func(*http.Request) string
	rate    rate.Limit // negative: off
	burst   int
	buckets *cache[string, *rate.Limiter]
}

// client returns who sends the request, "" for one who is not limited.
func (l *limiter) client(r *http.Request) (key string, err error) {
	if l.rate < 0 {
		return "", nil
	}
	defer recovered(&err)
	key = l.key(r)
	if len(key) > maxClientKey {
		sum := sha256.Sum256([]byte(key))
		key = string(sum[:])
	}
	return key, nil
}

// over reports whether the client has been refused too often, and after how
// many seconds it may ask again.
func (l *limiter) over(client string) (retryAfter int, over bool) {
	if client == "" {
		return 0, false
	}
	bucket, ok := l.buckets.get(client)
	if !ok {
		return 0, false
	}
	missing := 1 - bucket.TokensAt(time.Now())
	if missing <= 0 {
		return 0, false
	}
	const day = 24 * 60 * 60
	return int(math.Ceil(min(missing/float64(l.rate), day))), true
}

// refused counts a refusal.
func (l *limiter) refused(client string) {
	if client == "" {
		return
	}
	bucket := l.buckets.getOr(client, func() *rate.Limiter { return rate.NewLimiter(l.rate, l.burst) })
	bucket.ReserveN(time.Now(), 1) // also into debt, or whoever asks many times at once would pay for one
}

// shared is the network of carrier-grade NAT, whose addresses stand for many.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// remoteNetwork is the default client key.
func remoteNetwork(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	ip = ip.Unmap()
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || shared.Contains(ip) {
		return ""
	}
	if ip.Is6() {
		network, _ := ip.Prefix(64)
		return network.String()
	}
	return ip.String()
}
