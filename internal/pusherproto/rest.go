package pusherproto

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"strings"
)

// Parameters of a signed request to the HTTP API, and the value of
// auth_version.
const (
	ParamKey       = "auth_key"
	ParamTimestamp = "auth_timestamp"
	ParamVersion   = "auth_version"
	ParamSignature = "auth_signature"
	ParamBodyMD5   = "body_md5"
	AuthVersion    = "1.0"
)

// StringToSign returns the string to sign for a request to the HTTP API. It
// consists of the method, the path and the parameters with decoded values,
// sorted by lower-cased name, without auth_signature.
func StringToSign(method, path string, params map[string]string) string {
	pairs := make([][2]string, 0, len(params))
	for k, v := range params {
		if k := strings.ToLower(k); k != ParamSignature {
			pairs = append(pairs, [2]string{k, v})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var b strings.Builder
	b.WriteString(method)
	b.WriteByte('\n')
	b.WriteString(path)
	b.WriteByte('\n')
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0])
		b.WriteByte('=')
		b.WriteString(p[1])
	}
	return b.String()
}

// BodyMD5 returns the digest of a body as the protocol writes it. MD5 is the
// protocol's choice; the signature, which covers the digest, protects the body.
func BodyMD5(body []byte) string {
	sum := md5.Sum(body)
	return hex.EncodeToString(sum[:])
}
