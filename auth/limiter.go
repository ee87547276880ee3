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

// maxClientKey is the longest key that is stored as it is. Longer ones are
// hashed, since a key may be a header that the client chose.
const maxClientKey = 64

// limiter counts refusals. It stores nothing about clients that are never
// refused.
type limiter struct {
	key     func(*http.Request) string
	rate    rate.Limit // negative means no limit
	burst   int
	buckets *cache[string, *rate.Limiter]
}

// client returns the key of the client that sent the request, or "" if it is
// not limited.
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

// over reports whether the client has been refused too often and, if so, after
// how many seconds it may ask again.
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
	bucket.ReserveN(time.Now(), 1) // may go into debt; otherwise many concurrent requests would cost only one
}

// shared is the address range of carrier-grade NAT (RFC 6598), in which one
// address stands for many clients.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// remoteNetwork returns the default client key: the remote IPv4 address, or the
// /64 network of an IPv6 address. It is "" for addresses that are likely to be
// shared by many clients.
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
