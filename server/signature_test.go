package server_test

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/vectortest"
	"github.com/onairgo/onair/server"
)

// signatureVector is a row of the recorded signatures of pusher-http-php.
type signatureVector struct {
	Name  string `json:"name"`
	Input struct {
		Method    string          `json:"method"`
		Path      string          `json:"path"`
		Secret    string          `json:"secret"`
		AppSecret string          `json:"app_secret"`
		Version   string          `json:"ver"`
		Timestamp json.RawMessage `json:"timestamp"`
	} `json:"input"`
	Want struct {
		StringToSign string `json:"string_to_sign"`
		Signature    string `json:"auth_signature"`
		Requests     []struct {
			Method   string          `json:"method"`
			Path     string          `json:"path"`
			RawQuery string          `json:"raw_query"`
			Body     string          `json:"body"`
			BodyJSON json.RawMessage `json:"body_json"`
		} `json:"requests"`
	} `json:"want"`
}

func signatureVectors(t *testing.T, prefix string) []signatureVector {
	t.Helper()
	var found []signatureVector
	for _, v := range vectortest.Rows[signatureVector](t, "signature.json") {
		if strings.HasPrefix(v.Name, prefix) {
			found = append(found, v)
		}
	}
	require.NotEmpty(t, found)
	return found
}

func TestSignVectors(t *testing.T) {
	t.Parallel()
	for _, v := range signatureVectors(t, "sign: ") {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			// The string to sign holds the time and the parameters as they count,
			// also where the caller of the SDK overrode them.
			parts := strings.SplitN(v.Want.StringToSign, "\n", 3)
			require.Len(t, parts, 3)
			path := (&url.URL{Path: parts[1]}).EscapedPath()
			seconds, err := strconv.ParseInt(between(parts[2], "auth_timestamp=", "&"), 10, 64)
			require.NoError(t, err)
			now := time.Unix(seconds, 0)
			raw := parts[2] + "&auth_signature=" + v.Want.Signature
			escaped := escapedQuery(parts[2]) + "&auth_signature=" + v.Want.Signature

			// Bodies are another test's matter: any that the vector's digest is of.
			var body []byte
			if strings.Contains(parts[2], "ec365a775a4cd0599faeb73354201b6f") {
				body = []byte(`{"name":"foo","channels":["project-3"],"data":"{\"some\":\"data\"}"}`)
			} else if strings.Contains(parts[2], "99914b932bd37a50b983c5e7c90ae93b") {
				body = []byte(`{}`)
			}
			verify := func(query string) error {
				return server.VerifyRequest(v.Input.Secret, parts[0], "", path, query, body, now)
			}
			if v.Input.Version != "1.0" {
				status, text := server.ErrorStatus(verify(escaped))
				assert.Equal(t, 401, status)
				assert.Contains(t, text, "auth_version")
				return
			}
			require.NoError(t, verify(escaped), "escaped, as PHP sends it")
			if !strings.Contains(v.Name, "percent-encoded") { // a raw ampersand in a value cannot be told apart
				require.NoError(t, verify(raw), "raw, as Go and Node send it")
			}
			status, _ := server.ErrorStatus(verify(strings.Replace(raw, "auth_signature="+v.Want.Signature[:1], "auth_signature="+flipped(v.Want.Signature[:1]), 1)))
			assert.Equal(t, 401, status, "one digit of the signature differs")
		})
	}
}

// escapedQuery escapes the values of parameters whose names need no escape.
func escapedQuery(query string) string {
	var pairs []string
	for _, pair := range splitParameters(query) {
		name, value, _ := strings.Cut(pair, "=")
		pairs = append(pairs, name+"="+url.QueryEscape(value))
	}
	return strings.Join(pairs, "&")
}

// splitParameters splits at the ampersands, save the one that stands in a value
// of the vectors.
func splitParameters(query string) []string {
	const inValue = "b&c"
	pairs := strings.Split(strings.ReplaceAll(query, inValue, "\x00"), "&")
	for i := range pairs {
		pairs[i] = strings.ReplaceAll(pairs[i], "\x00", inValue)
	}
	return pairs
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

func flipped(digit string) string {
	if digit == "0" {
		return "1"
	}
	return "0"
}

// sign returns the escaped query of a request with the extra parameters; one
// with an empty value is left out.
func sign(key, secret, method, path string, body []byte, now time.Time, extra ...string) string {
	q := query{{"auth_key", key}, {"auth_timestamp", strconv.FormatInt(now.Unix(), 10)}, {"auth_version", "1.0"}}
	if len(body) > 0 {
		q = q.set("body_md5", md5Hex(body))
	}
	for i := 0; i < len(extra); i += 2 {
		if q = q.without(extra[i]); extra[i+1] != "" {
			q = q.set(extra[i], extra[i+1])
		}
	}
	return q.signed(secret, method, path).escaped()
}

func TestTimestampWindow(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 999_999_999)
	verify := func(timestamp string) error {
		query := sign("k", "s", "GET", "/apps/1/channels", nil, now, "auth_timestamp", timestamp)
		return server.VerifyRequest("s", "GET", "", "/apps/1/channels", query, nil, now)
	}
	for _, offset := range []int64{-600, -599, -1, 0, 1, 599, 600} {
		assert.NoError(t, verify(strconv.FormatInt(now.Unix()+offset, 10)), "%d s off", offset)
	}
	for _, offset := range []int64{-3600, -601, 601, 3600} {
		err := verify(strconv.FormatInt(now.Unix()+offset, 10))
		require.Error(t, err, "%d s off", offset)
		assert.Contains(t, err.Error(), now.UTC().Format(time.RFC3339), "the server's time")
		assert.Contains(t, err.Error(), now.UTC().Add(time.Duration(offset)*time.Second).Format(time.RFC3339), "the caller's time")
	}
	assert.ErrorContains(t, verify("1700000000000"), "milliseconds")
	for _, bad := range []string{
		"-1", "+1700000000", " 1700000000", "1700000000 ", "1.7e9", "0x65", "1_700_000_000", "1700000000.0", "١٧",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616", strings.Repeat("9", 10_000),
	} {
		status, text := server.ErrorStatus(verify(bad))
		assert.Equal(t, 401, status, bad)
		assert.Contains(t, text, "digits", bad)
	}
	for _, far := range []string{"0", "999999999999999999"} {
		assert.Error(t, verify(far))
	}
}

// The time is judged only behind the signature, so that a stranger's guess
// leaves nothing in the log.
func TestSignatureIsCheckedBeforeTheTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	query := sign("k", "another secret", "GET", "/apps/1/channels", nil, now, "auth_timestamp", "1")
	status, text := server.ErrorStatus(server.VerifyRequest("s", "GET", "", "/apps/1/channels", query, nil, now))
	assert.Equal(t, 401, status)
	assert.Contains(t, text, "auth_signature does not match")
}

func TestQueryIsUnambiguous(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	good := sign("k", "s", "GET", "/apps/1/channels", nil, now, "info", "user_count")
	verify := func(query string) (int, string) {
		return server.ErrorStatus(server.VerifyRequest("s", "GET", "", "/apps/1/channels", query, nil, now))
	}
	status, _ := verify(good)
	require.Zero(t, status)
	tests := []struct {
		name, query string
		status      int
	}{
		{"a parameter twice", good + "&info=user_count", 400},
		{"a parameter twice in another case", good + "&INFO=user_count", 400},
		{"a parameter twice under an escaped name", good + "&%69nfo=user_count", 400},
		{"an array", good + "&channels[]=a", 400},
		{"an escaped array", good + "&channels%5B%5D=a", 400},
		{"a broken escape in a name", good + "&%zz=a", 400},
		{"a broken escape in a value", good + "&a=%f", 400},
		{"one parameter more", good + "&filter_by_prefix=a", 401},
		{"one parameter less", strings.Replace(good, "&info=user_count", "", 1), 401},
		{"another value", strings.Replace(good, "info=user_count", "info=subscription_count", 1), 401},
		{"a name without a value", good + "&x", 401},
		{"no signature", strings.Replace(good, "auth_signature", "auth_signatur", 1), 401},
		{"no query", "", 401},
		{"a query without end", strings.Repeat("a&", 1<<20), 414},
	}
	for _, tt := range tests {
		status, text := verify(tt.query)
		assert.Equal(t, tt.status, status, tt.name)
		assert.NotEmpty(t, text, tt.name)
	}
	status, _ = verify(strings.ToUpper(good[:strings.Index(good, "=")]) + good[strings.Index(good, "="):])
	assert.Zero(t, status, "names count in lower case")
	status, _ = verify("&" + strings.ReplaceAll(good, "&", "&&") + "&")
	assert.Zero(t, status, "nothing between two ampersands is nothing")
}

func TestSignedPath(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	tests := []struct {
		name, prefix, path, signed string
		ok                         bool
	}{
		{"as received", "", "/apps/1/channels", "/apps/1/channels", true},
		{"with the prefix", "/realtime", "/apps/1/channels", "/realtime/apps/1/channels", true},
		{"without the prefix", "/realtime", "/apps/1/channels", "/apps/1/channels", true},
		{"another prefix", "/realtime", "/apps/1/channels", "/other/apps/1/channels", false},
		{"a prefix that is none", "", "/apps/1/channels", "/realtime/apps/1/channels", false},
		{"another app", "", "/apps/1/channels", "/apps/2/channels", false},
		{"escaped", "", "/apps/1/users/a%20b/terminate_connections", "/apps/1/users/a%20b/terminate_connections", true},
		{"decoded", "", "/apps/1/users/a%20b/terminate_connections", "/apps/1/users/a b/terminate_connections", true},
		{"decoded with the prefix", "/p", "/apps/1/users/a%20b/terminate_connections", "/p/apps/1/users/a b/terminate_connections", true},
		{"a percent sign", "", "/apps/1/users/100%25/terminate_connections", "/apps/1/users/100%/terminate_connections", true},
		{"decoded twice", "", "/apps/1/users/a%2520b/terminate_connections", "/apps/1/users/a b/terminate_connections", false},
		{"decoded to an escape", "", "/apps/1/users/a%2520b/terminate_connections", "/apps/1/users/a%20b/terminate_connections", false},
	}
	for _, tt := range tests {
		query := sign("k", "s", "POST", tt.signed, nil, now)
		err := server.VerifyRequest("s", "POST", tt.prefix, tt.path, query, nil, now)
		if tt.ok {
			assert.NoError(t, err, tt.name)
		} else {
			assert.Error(t, err, tt.name)
		}
	}
}

func TestBodyDigest(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	const empty = "d41d8cd98f00b204e9800998ecf8427e"
	tests := []struct {
		name, body, digest string
		status             int
	}{
		{"a body with its digest", `{"a":"<"}`, md5Hex([]byte(`{"a":"<"}`)), 0},
		{"a body with another's digest", `{"a":"<"}`, md5Hex([]byte(`{"a":"\u003c"}`)), 401},
		{"a body without a digest", `{}`, "", 401},
		{"a body with the digest of none", `{}`, empty, 401},
		{"no body and no digest", "", "", 0},
		{"no body with the digest of none, as Python sends it", "", empty, 0},
		{"no body with a digest of one", "", md5Hex([]byte("{}")), 401},
	}
	for _, tt := range tests {
		query := sign("k", "s", "POST", "/apps/1/events", []byte(tt.body), now, "body_md5", tt.digest)
		status, text := server.ErrorStatus(server.VerifyRequest("s", "POST", "", "/apps/1/events", query, []byte(tt.body), now))
		assert.Equal(t, tt.status, status, tt.name)
		if status != 0 {
			assert.Contains(t, text, "body_md5", tt.name)
		}
	}
}

// The error of a wrong signature tells what should have been signed, and the
// secret is not in it.
func TestSignatureErrorHelps(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	query := sign("the-key", "wrong", "GET", "/apps/1/channels", nil, now)
	err := server.VerifyRequest("the-right-secret", "GET", "/p", "/apps/1/channels", query, nil, now)
	_, text := server.ErrorStatus(err)
	assert.Contains(t, text, `GET\n/p/apps/1/channels\nauth_key=the-key&auth_timestamp=1700000000&auth_version=1.0`)
	assert.NotContains(t, text, "the-right-secret")
	right := hmacHex("the-right-secret", "GET\n/p/apps/1/channels\nauth_key=the-key&auth_timestamp=1700000000&auth_version=1.0")
	assert.NotContains(t, text, right)
	long := sign("k", "wrong", "GET", "/apps/1/channels", nil, now, "info", strings.Repeat("x", 10_000))
	_, text = server.ErrorStatus(server.VerifyRequest("s", "GET", "", "/apps/1/channels", long, nil, now))
	assert.Less(t, len(text), 1_500)
}

func FuzzSignedQuery(f *testing.F) {
	now := time.Unix(1_700_000_000, 0)
	f.Add(sign("k", "s", "GET", "/apps/1/channels", nil, now), "/apps/1/channels")
	f.Add("a=%zz&b[]=1&&=&%5b", "/apps/1/users/%2e%2e")
	f.Fuzz(func(t *testing.T, query, path string) {
		// The secret is not among the seeds, so nothing may pass.
		err := server.VerifyRequest("a secret that nobody signs with", "GET", "/p", path, query, nil, now)
		status, text := server.ErrorStatus(err)
		if status != 400 && status != 401 && status != 414 || text == "" {
			t.Fatalf("status %d, text %q, error %v", status, text, err)
		}
	})
}
