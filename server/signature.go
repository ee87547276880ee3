package server

import (
	"crypto/hmac"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/onairgo/onair/internal/pusherproto"
)

// timestampWindow is how far the time of a signed request may differ from ours,
// in either direction. It bounds how long a captured request can be replayed.
const timestampWindow = 600 * time.Second

// Bounds of a query, in bytes and in parameters, since strangers send some too.
// The parameters are sorted for every path that may have been signed.
const (
	maxSignedQuery  = 16 << 10
	maxSignedParams = 64
)

// signedQuery is the query of a request to the HTTP API. It maps the
// lower-cased name of every parameter to its decoded value. What is signed is
// what is used.
type signedQuery map[string]string

// parseSignedQuery decodes a raw query once. SDKs send it escaped (PHP) or as
// it is (Go, Node), with the same result. A name that is repeated or is an
// array is refused, since its meaning differs from reader to reader.
func parseSignedQuery(raw string) (signedQuery, error) {
	if len(raw) > maxSignedQuery {
		return nil, apiErrorf(http.StatusRequestURITooLong, "the query has %d bytes, the limit is %d; an event belongs in the body", len(raw), maxSignedQuery)
	}
	q := make(signedQuery)
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, badRequest("the query has a malformed escape in a parameter's name; write a percent sign as %%25")
		}
		name = strings.ToLower(name)
		if strings.ContainsAny(name, "[]") {
			return nil, badRequest("the query has the array parameter %s; join several values with commas", quoted(name))
		}
		if _, twice := q[name]; twice {
			return nil, badRequest("the query has the parameter %s twice; every parameter is signed and may stand once", quoted(name))
		}
		if len(q) == maxSignedParams {
			return nil, badRequest("the query has more than %d parameters; the calls of this API have a handful", maxSignedParams)
		}
		if q[name], err = url.QueryUnescape(value); err != nil {
			return nil, badRequest("the query has a malformed escape in the value of %s; write a percent sign as %%25", quoted(name))
		}
	}
	return q, nil
}

// signedPaths returns the paths that the sender may have signed for a request
// to path, which is escaped and does not include prefix. SDKs differ: some sign
// the prefix (PHP's path option) and some do not, and they sign the path
// escaped or decoded. A decoded path that could itself be escaped is left out,
// so that no signature is good for two requests.
func signedPaths(prefix, path string) []string {
	paths := make([]string, 0, 4)
	paths = append(paths, path)
	if decoded, err := url.PathUnescape(path); err == nil && decoded != path && !holdsEscape(decoded) {
		paths = append(paths, decoded)
	}
	if prefix != "" {
		for _, p := range paths {
			paths = append(paths, prefix+p)
		}
	}
	return paths
}

func holdsEscape(s string) bool {
	for i := strings.IndexByte(s, '%'); i >= 0 && i+2 < len(s); i++ {
		if s[i] == '%' && isHex(s[i+1]) && isHex(s[i+2]) {
			return true
		}
	}
	return false
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'f'
}

// verify checks the signature and then the time. In this order, what is said
// and logged about the time concerns only somebody who knows the secret. A
// [*skewError] means that only the time is wrong.
func (q signedQuery) verify(signer *pusherproto.Signer, method string, paths []string, now time.Time) error {
	if v := q[pusherproto.ParamVersion]; v != pusherproto.AuthVersion {
		return unauthorized("auth_version is %s; this server knows %q", quoted(v), pusherproto.AuthVersion)
	}
	timestamp, err := parseTimestamp(q[pusherproto.ParamTimestamp])
	if err != nil {
		return err
	}
	if !q.signedBy(signer, method, paths) {
		return unauthorized("auth_signature does not match; it must be the hexadecimal HMAC-SHA256, under the secret of key %s, of %s",
			quoted(q[pusherproto.ParamKey]), quoted(pusherproto.StringToSign(method, paths[len(paths)-1], q)))
	}
	skew := timestamp - now.Unix()
	if window := int64(timestampWindow / time.Second); skew > window || skew < -window {
		return &skewError{sent: timestamp, now: now.UTC()}
	}
	return nil
}

func (q signedQuery) signedBy(signer *pusherproto.Signer, method string, paths []string) bool {
	for _, path := range paths {
		if signer.Verify(q[pusherproto.ParamSignature], pusherproto.StringToSign(method, path, q)) {
			return true
		}
	}
	return false
}

// verifyBody checks the digest that binds the body to the signature. A request
// without a body needs none, but the SDK for Python sends that of no bytes.
func (q signedQuery) verifyBody(body []byte) error {
	digest, sent := q[pusherproto.ParamBodyMD5]
	switch {
	case !sent && len(body) == 0:
		return nil
	case !sent:
		return unauthorized("body_md5 is missing; a request with a body must carry the body's hexadecimal MD5 among the signed parameters")
	case !hmac.Equal([]byte(digest), []byte(pusherproto.BodyMD5(body))):
		return unauthorized("body_md5 does not match the body; it must be the hexadecimal MD5 of the bytes as they are sent")
	}
	return nil
}

// parseTimestamp reads seconds since 1970, written in plain digits. It limits
// their number, so that the difference of two times cannot overflow.
func parseTimestamp(s string) (int64, error) {
	const maxDigits = 18
	if s == "" || len(s) > maxDigits || strings.Trim(s, "0123456789") != "" {
		return 0, unauthorized("auth_timestamp is %s; it must be seconds since 1970 in digits", quoted(s))
	}
	return strconv.ParseInt(s, 10, 64)
}

// skewError reports a request whose signature is valid but whose time is too
// far from now.
type skewError struct {
	sent int64 // seconds since 1970
	now  time.Time
}

// Error names both times, for the caller and for the log.
func (e *skewError) Error() string {
	return fmt.Sprintf("auth_timestamp %d is %s, more than %s from this server's clock %s; one of the two clocks is wrong, or the request is old",
		e.sent, e.sentTime(), timestampWindow, e.now.Format(time.RFC3339))
}

func (e *skewError) sentTime() string {
	const end = 253402300799 // of the year 9999
	if e.sent > end {
		return "beyond the year 9999, perhaps in milliseconds"
	}
	return time.Unix(e.sent, 0).UTC().Format(time.RFC3339)
}

// quoted quotes what the caller sent, cut to a length that suits an error.
func quoted(s string) string {
	const most = 500
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
