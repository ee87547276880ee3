package pusherproto

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"golang.org/x/crypto/nacl/secretbox"
)

// MasterKeySize is the length of an encryption master key in bytes.
const MasterKeySize = 32

// NonceSize is the length of an encrypted event's nonce in bytes.
const NonceSize = 24

var (
	errMasterKey = errors.New("encryption key is not 32 bytes in base64; make one with: openssl rand -base64 32")
	errSealed    = errors.New("sealed data cannot be opened: another key or channel, or damaged")
)

// DecodeMasterKey decodes a master key from base64, with or without padding,
// the form of Laravel's encryption_master_key_base64.
func DecodeMasterKey(s string) ([MasterKeySize]byte, error) {
	var key [MasterKeySize]byte
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(s), "="))
	if err != nil || len(raw) != MasterKeySize {
		return key, errMasterKey
	}
	return [MasterKeySize]byte(raw), nil
}

// SharedSecret returns the key of one encrypted channel: the SHA-256 hash of
// the channel's name on the wire followed by the master key.
func SharedSecret(channel string, master *[MasterKeySize]byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(channel), master[:]...))
}

// sealed is the JSON that replaces the data of an encrypted event.
type sealed struct {
	Nonce      []byte `json:"nonce"`
	Ciphertext []byte `json:"ciphertext"`
}

// SealedSize returns the number of bytes that [Seal] returns for n bytes of
// data.
func SealedSize(n int) int {
	const frame = len(`{"nonce":"","ciphertext":""}`)
	return frame + base64.StdEncoding.EncodedLen(NonceSize) + base64.StdEncoding.EncodedLen(n+secretbox.Overhead)
}

// Seal encrypts the data of an event on an encrypted channel with a fresh
// nonce. It returns {"nonce":base64,"ciphertext":base64}.
func Seal(channel string, master *[MasterKeySize]byte, data string) string {
	var nonce [NonceSize]byte
	rand.Read(nonce[:]) // never fails; the runtime aborts instead
	return SealWithNonce(channel, master, &nonce, data)
}

// SealWithNonce is like [Seal] but uses the given nonce, which must never be
// used twice with the same key.
func SealWithNonce(channel string, master *[MasterKeySize]byte, nonce *[NonceSize]byte, data string) string {
	key := SharedSecret(channel, master)
	out, err := json.Marshal(sealed{Nonce: nonce[:], Ciphertext: secretbox.Seal(nil, []byte(data), nonce, &key)})
	if err != nil {
		panic(err) // two byte slices always encode
	}
	return string(out)
}

// Open decrypts the data that [Seal] encrypted for the channel.
func Open(channel string, master *[MasterKeySize]byte, data string) (string, error) {
	var box sealed
	if err := json.Unmarshal([]byte(data), &box); err != nil || len(box.Nonce) != NonceSize {
		return "", errSealed
	}
	key := SharedSecret(channel, master)
	plain, ok := secretbox.Open(nil, box.Ciphertext, (*[NonceSize]byte)(box.Nonce), &key)
	if !ok {
		return "", errSealed
	}
	return string(plain), nil
}
