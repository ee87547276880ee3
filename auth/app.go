package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/onairgo/onair/internal/pusherproto"
)

// App is one application of a Pusher Channels service, the hosted one or the
// embedded server: the credentials that every part of the module takes.
//
// It is a plain value to copy. Printing it (package fmt, log/slog, JSON) shows
// the id and the key and nothing that is secret. Only where it stands in an
// unexported field does package fmt not ask it: do not print what holds it so.
type App struct {
	// ID is the app id. Use digits: some of Pusher's libraries refuse others.
	ID string
	// Key is the public key that browsers connect with.
	Key string
	// Secret signs requests and subscriptions. It never leaves the program.
	Secret string
	// EncryptionKey is the master key of the encrypted channels: 32 bytes in
	// base64, Laravel's encryption_master_key_base64. Empty means that there
	// are no encrypted channels.
	EncryptionKey string
	// Former lists key pairs that are still accepted and no longer used to
	// sign, so that keys can be changed without cutting anybody off. A new
	// secret needs a new key: requests say only which key they are signed with.
	Former []KeyPair
}

// KeyPair is a key with its secret. It prints without the secret.
type KeyPair struct {
	Key    string
	Secret string
}

// ErrNoEncryptionKey is wrapped by the errors about an encrypted channel of an
// app without an encryption key.
var ErrNoEncryptionKey = errors.New("auth: app has no encryption key; set App.EncryptionKey to 32 bytes in base64")

// Validate reports all that is missing or malformed at once. It never names a
// value that is secret.
func (a App) Validate() error {
	var missing, wrong []string
	for _, f := range []struct{ name, value string }{{"ID", a.ID}, {"Key", a.Key}, {"Secret", a.Secret}} {
		switch {
		case f.value == "":
			missing = append(missing, f.name)
		case strings.ContainsFunc(f.value, func(r rune) bool { return r <= ' ' || r == 0x7f }):
			wrong = append(wrong, f.name+" holds white space or a control character")
		}
	}
	for _, f := range []struct{ name, value string }{{"ID", a.ID}, {"Key", a.Key}} {
		if strings.ContainsAny(f.value, "/?#&=:%") {
			wrong = append(wrong, f.name+" holds one of / ? # & = : %, which cannot stand in a URL or a signature")
		}
	}
	if a.EncryptionKey != "" {
		if _, err := pusherproto.DecodeMasterKey(a.EncryptionKey); err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	keys := map[string]bool{a.Key: true}
	for i, p := range a.Former {
		if p.Key == "" || p.Secret == "" {
			wrong = append(wrong, fmt.Sprintf("Former[%d] needs both key and secret", i))
		} else if keys[p.Key] {
			wrong = append(wrong, fmt.Sprintf("Former[%d] has a key that stands elsewhere; a new secret needs a new key", i))
		}
		keys[p.Key] = true
	}
	if len(missing) > 0 {
		wrong = append([]string{"missing " + strings.Join(missing, ", ")}, wrong...)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("auth: app %q: %s", a.ID, strings.Join(wrong, "; "))
	}
	return nil
}

// String returns the id and the key.
func (a App) String() string { return fmt.Sprintf("app %q key %q", a.ID, a.Key) }

// GoString returns what String returns.
func (a App) GoString() string { return a.String() }

// Format writes what String returns, whatever the verb.
func (a App) Format(f fmt.State, _ rune) { fmt.Fprint(f, a.String()) }

// LogValue returns the id and the key.
func (a App) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", a.ID), slog.String("key", a.Key))
}

// MarshalText returns what String returns, which keeps the secrets out of
// encoding/json and its like. It is not meant for storage.
func (a App) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// String returns the key.
func (p KeyPair) String() string { return fmt.Sprintf("key %q", p.Key) }

// GoString returns what String returns.
func (p KeyPair) GoString() string { return p.String() }

// Format writes what String returns, whatever the verb.
func (p KeyPair) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.String()) }

// LogValue returns the key.
func (p KeyPair) LogValue() slog.Value { return slog.StringValue(p.Key) }

// MarshalText returns what String returns. It is not meant for storage.
func (p KeyPair) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
