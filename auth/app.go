package auth

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/onairgo/onair/internal/pusherproto"
)

// App holds the credentials of one application on a Pusher Channels service,
// either Pusher's own or the embedded server. Every part of the module that
// needs credentials takes an App.
//
// App is a plain value and may be copied. Printing it with package fmt,
// log/slog or encoding/json shows the id and the key but never a secret. The
// exception is an App in an unexported field: package fmt cannot call its
// methods there, so do not print a struct that holds one.
type App struct {
	// ID is the app id. Use digits only: some of Pusher's libraries reject
	// anything else.
	ID string
	// Key is the public key with which browsers connect.
	Key string
	// Secret signs requests and subscriptions. It never leaves the program.
	Secret string
	// EncryptionKey is the master key for encrypted channels: 32 bytes in base64,
	// Laravel's encryption_master_key_base64. If it is empty, the app has no
	// encrypted channels.
	EncryptionKey string
	// Former lists key pairs that are still accepted but no longer used for
	// signing, so that keys can be rotated without cutting off clients. A new
	// secret requires a new key, because a request names only the key it was
	// signed with.
	Former []KeyPair
}

// KeyPair is a key with its secret. Printing it shows only the key.
type KeyPair struct {
	Key    string
	Secret string
}

// ErrNoEncryptionKey is wrapped by errors about an encrypted channel whose app
// has no encryption key.
var ErrNoEncryptionKey = errors.New("auth: app has no encryption key; set App.EncryptionKey to 32 bytes in base64")

// Validate reports every missing or malformed field in a single error. The
// error never contains a secret.
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
			wrong = append(wrong, fmt.Sprintf("Former[%d] has a key that is already used; a new secret needs a new key", i))
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

// MarshalText returns the same text as String, which keeps the secrets out of
// encoding/json and similar encoders. It is not meant for storage.
func (a App) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// String returns the key.
func (p KeyPair) String() string { return fmt.Sprintf("key %q", p.Key) }

// GoString returns what String returns.
func (p KeyPair) GoString() string { return p.String() }

// Format writes what String returns, whatever the verb.
func (p KeyPair) Format(f fmt.State, _ rune) { fmt.Fprint(f, p.String()) }

// LogValue returns the key.
func (p KeyPair) LogValue() slog.Value { return slog.StringValue(p.Key) }

// MarshalText returns the same text as String. It is not meant for storage.
func (p KeyPair) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
