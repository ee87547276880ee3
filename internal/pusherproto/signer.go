package pusherproto

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"
)

// SignatureSize is the length of a signature in hexadecimal digits.
const SignatureSize = 2 * sha256.Size

// Signer makes and verifies HMAC-SHA256 signatures with one secret. It keeps
// hashes whose key is already set, which halves the work of a signature and
// avoids allocations. Create one with [NewSigner].
type Signer struct {
	states sync.Pool
}

type signerState struct {
	mac hash.Hash
	sum [sha256.Size]byte
	in  []byte
}

// NewSigner returns a Signer for the secret. It keeps the secret where printing
// the Signer does not show it.
func NewSigner(secret string) *Signer {
	key := []byte(secret)
	s := &Signer{}
	s.states.New = func() any { return &signerState{mac: hmac.New(sha256.New, key)} }
	return s
}

// AppendSignature appends to dst the signature of the concatenated parts, in
// lower-case hexadecimal digits.
func (s *Signer) AppendSignature(dst []byte, parts ...string) []byte {
	st := s.sign(parts)
	dst = hex.AppendEncode(dst, st.sum[:])
	s.states.Put(st)
	return dst
}

// Verify reports, in constant time, whether signature is that of the
// concatenated parts.
func (s *Signer) Verify(signature string, parts ...string) bool {
	var given [sha256.Size]byte
	if len(signature) != SignatureSize {
		return false
	}
	if _, err := hex.Decode(given[:], []byte(signature)); err != nil {
		return false
	}
	st := s.sign(parts)
	ok := hmac.Equal(given[:], st.sum[:])
	s.states.Put(st)
	return ok
}

func (s *Signer) sign(parts []string) *signerState {
	st := s.states.Get().(*signerState)
	st.in = st.in[:0]
	for _, p := range parts {
		st.in = append(st.in, p...)
	}
	st.mac.Reset()
	st.mac.Write(st.in)
	st.mac.Sum(st.sum[:0])
	if cap(st.in) > 1<<14 {
		st.in = nil
	}
	return st
}

// AppendChannelAuth appends to dst the signature of a subscription, which is
// that of socketID ":" channel, followed by ":" channelData unless that is
// empty.
func (s *Signer) AppendChannelAuth(dst []byte, socketID, channel, channelData string) []byte {
	if channelData == "" {
		return s.AppendSignature(dst, socketID, ":", channel)
	}
	return s.AppendSignature(dst, socketID, ":", channel, ":", channelData)
}

// VerifyChannelAuth reports whether signature is that of the subscription.
func (s *Signer) VerifyChannelAuth(signature, socketID, channel, channelData string) bool {
	if channelData == "" {
		return s.Verify(signature, socketID, ":", channel)
	}
	return s.Verify(signature, socketID, ":", channel, ":", channelData)
}

// AppendUserAuth appends to dst the signature of a sign-in, which is that of
// socketID "::user::" userData.
func (s *Signer) AppendUserAuth(dst []byte, socketID, userData string) []byte {
	return s.AppendSignature(dst, socketID, "::user::", userData)
}

// VerifyUserAuth reports whether signature is that of the sign-in.
func (s *Signer) VerifyUserAuth(signature, socketID, userData string) bool {
	return s.Verify(signature, socketID, "::user::", userData)
}
