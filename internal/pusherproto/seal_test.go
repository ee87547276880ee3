package pusherproto_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/pusherproto"
)

// docsMaster is the master key of an example worked out with Pusher's own SDK.
const docsMaster = "nxzvbGF+f8FGhk/jOaZvgMle1tqxzF/VfUZLBLhhaH0="

func master(t testing.TB, key string) *[pusherproto.MasterKeySize]byte {
	m, err := pusherproto.DecodeMasterKey(key)
	require.NoError(t, err)
	return &m
}

func TestSealedExample(t *testing.T) {
	t.Parallel()
	m := master(t, docsMaster)
	const channel = "private-encrypted-foo"
	secret := pusherproto.SharedSecret(channel, m)
	assert.Equal(t, "l8aZjyhYgVd1oAlAsuL4FkYEFvMp39OvXjZMWaFf1Is=", base64.StdEncoding.EncodeToString(secret[:]))

	nonce := [pusherproto.NonceSize]byte([]byte(strings.Repeat("\x07", pusherproto.NonceSize)))
	data := pusherproto.SealWithNonce(channel, m, &nonce, `{"a":1}`)
	assert.JSONEq(t, `{"nonce":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH","ciphertext":"cY67hU6AJAuxLWz/DK+x3IQi6joljVY="}`, data)
	plain, err := pusherproto.Open(channel, m, data)
	require.NoError(t, err)
	assert.Equal(t, `{"a":1}`, plain)
}

func TestSealUsesAFreshNonce(t *testing.T) {
	t.Parallel()
	m := master(t, docsMaster)
	seen := map[string]bool{}
	for range 100 {
		var box struct{ Nonce string }
		require.NoError(t, json.Unmarshal([]byte(pusherproto.Seal("private-encrypted-a", m, "x")), &box))
		assert.False(t, seen[box.Nonce])
		seen[box.Nonce] = true
	}
}

func TestSealedSize(t *testing.T) {
	t.Parallel()
	m := master(t, docsMaster)
	for n := range 100 {
		assert.Len(t, pusherproto.Seal("private-encrypted-a", m, strings.Repeat("x", n)), pusherproto.SealedSize(n))
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	m := master(t, docsMaster)
	const channel = "private-encrypted-a"
	data := pusherproto.Seal(channel, m, `"canary"`)
	for name, open := range map[string]func() (string, error){
		"another channel": func() (string, error) { return pusherproto.Open("private-encrypted-b", m, data) },
		"another key": func() (string, error) {
			return pusherproto.Open(channel, &[pusherproto.MasterKeySize]byte{1}, data)
		},
		"no JSON":     func() (string, error) { return pusherproto.Open(channel, m, "x") },
		"nothing":     func() (string, error) { return pusherproto.Open(channel, m, "") },
		"empty":       func() (string, error) { return pusherproto.Open(channel, m, "{}") },
		"short nonce": func() (string, error) { return pusherproto.Open(channel, m, `{"nonce":"AAAA","ciphertext":"AAAA"}`) },
		"damaged":     func() (string, error) { return pusherproto.Open(channel, m, damage(data)) },
		"ciphertext too short": func() (string, error) {
			return pusherproto.Open(channel, m, `{"nonce":"`+strings.Repeat("A", 32)+`","ciphertext":"AAAA"}`)
		},
	} {
		plain, err := open()
		require.Error(t, err, name)
		assert.Empty(t, plain, name)
		assert.NotContains(t, err.Error(), "canary", name)
	}
}

// damage changes a bit of the ciphertext.
func damage(data string) string {
	var box struct {
		Nonce      []byte `json:"nonce"`
		Ciphertext []byte `json:"ciphertext"`
	}
	if err := json.Unmarshal([]byte(data), &box); err != nil {
		panic(err)
	}
	box.Ciphertext[0] ^= 1
	b, err := json.Marshal(box)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func FuzzSeal(f *testing.F) {
	f.Add("private-encrypted-a", `{"id":1}`)
	f.Add("", "")
	m := master(f, docsMaster)
	f.Fuzz(func(t *testing.T, channel, data string) {
		got, err := pusherproto.Open(channel, m, pusherproto.Seal(channel, m, data))
		if err != nil || got != data {
			t.Fatalf("%q came back as %q, %v", data, got, err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	m := master(f, docsMaster)
	f.Add(pusherproto.Seal("private-encrypted-a", m, "x"))
	f.Add(`{"nonce":"","ciphertext":""}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, data string) {
		if plain, err := pusherproto.Open("private-encrypted-a", m, data); err != nil && plain != "" {
			t.Fatalf("an error and %q", plain)
		}
	})
}
