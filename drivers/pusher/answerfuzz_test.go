package pusher_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
)

// FuzzAnswers has a service, or what stands in its place, answer anything. The
// error about it is one printable line, waits for a day at most, and repeats
// nothing of the credentials and of the data that was sent.
func FuzzAnswers(f *testing.F) {
	f.Add(400, `{"error":"bad data {\"name\":\"canary\"}"}`, `{"name":"canary"}`, "", "", "")
	f.Add(307, "", "canary-canary", "https://user:password@evil.test/canary-canary?auth_signature=1", "", "")
	f.Add(503, "\x00\xff\r\nauth_key="+appKey, "é\u2028canary-canary", "//", "99999999999999999999", "Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add(429, strings.Repeat("canary ", 100), strings.Repeat("canary ", 100), "%", "Fri, 31 Dec 9999 23:59:59 GMT", "x")
	f.Add(200, "{", "x", "", "-1", "")
	f.Add(200, "{}", "x", "", "", "")
	f.Add(401, appSecret+"[hidden]", "[hidden]", "http://[::1", "1e9", "Mon, 01 Jan 0001 00:00:00 GMT")
	f.Add(503, appKey[:8]+"\x8a"+appKey[8:], "x", "", "", "")
	f.Add(307, "", "x", "https://h.test/"+strings.Replace(appKey, "-", "%2D", 1), "", "")
	f.Fuzz(func(t *testing.T, status int, body, data, location, retryAfter, date string) {
		c := pusher.Config{App: testApp(), Cluster: "eu"}
		c.Transport = transportFunc(func(r *http.Request) (*http.Response, error) {
			header := http.Header{"Location": {location}, "Retry-After": {retryAfter}, "Date": {date}}
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
		})
		err := newDriver(t, c).Broadcast(t.Context(), []broadcast.Message{{Event: "e", Data: data, Channels: []channel.Channel{channel.Public("a")}}})
		if err == nil {
			require.True(t, status >= 200 && status < 300)
			return
		}
		assert.False(t, strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }), "%q", err)
		assert.LessOrEqual(t, len(err.Error()), 1500)
		for _, secret := range []string{appKey, appSecret} {
			assert.NotContains(t, err.Error(), secret)
		}
		answer, ok := errors.AsType[*pusher.APIError](err)
		if !ok {
			return
		}
		assert.True(t, answer.RetryAfter() >= 0 && answer.RetryAfter() <= 24*time.Hour)
		for _, text := range []string{answer.Message, answer.Location} {
			require.True(t, utf8.ValidString(text))
			for piece := range strings.SplitSeq(text, "[hidden]") {
				for i := range max(0, len(piece)-8+1) {
					assert.NotContains(t, data, piece[i:i+8])
				}
			}
		}
	})
}
