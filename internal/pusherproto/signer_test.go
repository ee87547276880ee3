package pusherproto_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/pusherproto"
)

// The key pair of the examples in Pusher's documentation.
const (
	docsKey    = "278d425bdf160c739803"
	docsSecret = "7ad3773142a6692b25b8"
	docsSocket = "1234.1234"
)

func TestSignaturesOfPushersDocumentation(t *testing.T) {
	t.Parallel()
	s := pusherproto.NewSigner(docsSecret)
	const member = `{"user_id":10,"user_info":{"name":"Mr. Channels"}}`
	for _, test := range []struct {
		name, got, want string
		verify          func(signature string) bool
	}{
		{
			"private", string(s.AppendChannelAuth(nil, docsSocket, "private-foobar", "")),
			"58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4",
			func(sig string) bool { return s.VerifyChannelAuth(sig, docsSocket, "private-foobar", "") },
		},
		{
			"presence", string(s.AppendChannelAuth(nil, docsSocket, "presence-foobar", member)),
			"31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
			func(sig string) bool { return s.VerifyChannelAuth(sig, docsSocket, "presence-foobar", member) },
		},
		{
			"user", string(s.AppendUserAuth(nil, docsSocket, `{"id":"12345"}`)),
			"4708d583dada6a56435fb8bc611c77c359a31eebde13337c16ab43aa6de336ba",
			func(sig string) bool { return s.VerifyUserAuth(sig, docsSocket, `{"id":"12345"}`) },
		},
		{
			"encrypted", string(s.AppendChannelAuth(nil, docsSocket, "private-encrypted-foo", "")),
			"e85caab4331194145d44feae15aea9539ea50631afacbc593a9555ceadc42357",
			func(sig string) bool { return s.VerifyChannelAuth(sig, docsSocket, "private-encrypted-foo", "") },
		},
		{
			"webhook", string(s.AppendSignature(nil, `{"time_ms":1327078148132,"events":[{"name":"channel_occupied","channel":"test_channel"}]}`)),
			"709fdb84c03664445f7698120b0edf0acc1ab1c8c6e93a0368c61841d6b998aa",
			func(sig string) bool {
				return s.Verify(sig, `{"time_ms":1327078148132,`, `"events":[{"name":"channel_occupied","channel":"test_channel"}]}`)
			},
		},
	} {
		assert.Equal(t, test.want, test.got, test.name)
		assert.True(t, test.verify(test.want), test.name)
		assert.True(t, test.verify(strings.ToUpper(test.want)), "%s: digits in upper case are the same digits", test.name)
		for i := range test.want {
			wrong := []byte(test.want)
			wrong[i] ^= 1
			assert.False(t, test.verify(string(wrong)), "%s: digit %d changed", test.name, i)
		}
	}
}

func TestVerifyRefusesWhatIsNoSignature(t *testing.T) {
	t.Parallel()
	s := pusherproto.NewSigner(docsSecret)
	good := string(s.AppendSignature(nil, "x"))
	require.True(t, s.Verify(good, "x"))
	for _, bad := range []string{"", good[:63], good + "0", good[:63] + "g", " " + good[1:], strings.Repeat("0", 64), good[:62] + "é"} {
		assert.False(t, s.Verify(bad, "x"), "signature %q", bad)
	}
	for _, long := range []string{good + "00", strings.Repeat(good, 100)} {
		assert.False(t, s.Verify(long, "x"), "%d digits", len(long))
	}
	// The last byte is zero, which is what a part that was not read looks like.
	in := ""
	for !strings.HasSuffix(plainHMAC(docsSecret, in), "00") {
		in += "x"
	}
	good = plainHMAC(docsSecret, in)
	require.True(t, s.Verify(good, in))
	for _, bad := range []string{good[:62], good[:62] + "zz", good[:62] + "0z"} {
		assert.False(t, s.Verify(bad, in), "signature %q", bad)
	}
	good = string(s.AppendSignature(nil, "x"))
	assert.False(t, s.Verify(good, "y"))
	assert.False(t, pusherproto.NewSigner("other").Verify(good, "x"))
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	s := pusherproto.NewSigner(docsSecret)
	got := string(s.AppendChannelAuth([]byte(docsKey+":"), docsSocket, "private-foobar", ""))
	assert.Equal(t, docsKey+":58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4", got)
	assert.Equal(t, "k:", string(s.AppendChannelAuth([]byte("k:"), docsSocket, "presence-foobar", "{}"))[:2])
	assert.Equal(t, "k:", string(s.AppendUserAuth([]byte("k:"), docsSocket, "{}"))[:2])
	assert.Len(t, strings.TrimPrefix(got, docsKey+":"), pusherproto.SignatureSize)
}

func TestSignerDoesNotPrintItsSecret(t *testing.T) {
	t.Parallel()
	s := pusherproto.NewSigner("very-secret-canary")
	s.AppendSignature(nil, "x")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		assert.NotContains(t, fmt.Sprintf(verb, s), "canary")
	}
}

func TestSignerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s := pusherproto.NewSigner(docsSecret)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				// Long input too, whose buffer is not kept.
				in := strings.Repeat("x", (i*j)%20000)
				if !s.Verify(string(s.AppendSignature(nil, in, ":", in)), in+":"+in) {
					t.Error("a signature does not verify")
					return
				}
			}
		})
	}
	wg.Wait()
}

// plainHMAC is the signature as anybody would write it.
func plainHMAC(secret, in string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(in))
	return hex.EncodeToString(mac.Sum(nil))
}

func FuzzSigner(f *testing.F) {
	f.Add("secret", "1.1", "private-a", "")
	f.Add("", "", "", "")
	f.Add(strings.Repeat("k", 65), "1.1", "presence-a", `{"user_id":"7"}`)
	f.Fuzz(func(t *testing.T, secret, a, b, c string) {
		s := pusherproto.NewSigner(secret)
		for range 2 { // the second time with a kept state
			got := string(s.AppendSignature(nil, a, b, c))
			if want := plainHMAC(secret, a+b+c); got != want {
				t.Fatalf("signature %s, want %s", got, want)
			}
			if !s.Verify(got, a+b+c) || s.Verify(got, a+b+c+"x") {
				t.Fatal("Verify disagrees with AppendSignature")
			}
		}
	})
}

// BenchmarkSign is the work of one authorisation's signature over its floor,
// an HMAC whose key is set already.
func BenchmarkSign(b *testing.B) {
	const channel = "private-orders.4711"
	b.Run("floor", func(b *testing.B) {
		mac := hmac.New(sha256.New, []byte(docsSecret))
		in := []byte(docsSocket + ":" + channel)
		sum, out := make([]byte, 0, sha256.Size), make([]byte, 0, pusherproto.SignatureSize)
		b.ReportAllocs()
		for b.Loop() {
			mac.Reset()
			mac.Write(in)
			out = hex.AppendEncode(out[:0], mac.Sum(sum))
		}
	})
	b.Run("signer", func(b *testing.B) {
		s := pusherproto.NewSigner(docsSecret)
		out := make([]byte, 0, pusherproto.SignatureSize)
		b.ReportAllocs()
		for b.Loop() {
			out = s.AppendChannelAuth(out[:0], docsSocket, channel, "")
		}
	})
}
