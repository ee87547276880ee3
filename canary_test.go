package onair_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/onairgo/onair/auth"
)

// The canaries: marked values in every place that holds something secret.
// Wherever one of them comes out that is not its recipient's, a test fails.
const (
	canarySecret  = "canary-secret-7ad3773142a6692b25b8"
	canaryFormer  = "canary-former-secret"
	canaryPlain   = "canary-payload-in-the-clear"
	canarySealed  = "canary-payload-to-be-sealed"
	canarySession = "canary-session-cookie"
	canaryBearer  = "canary-bearer-token"
	canaryCSRF    = "canary-csrf-token-of-32-bytes..."
	canaryMaster  = "canary-encryption-master-key...." // 32 bytes; configured in base64
	canaryAbly    = "appid.keyid:canary-ably-secret"
)

// inside is in what the application's own code says about its faults. It may be
// logged, and no client may get it.
const inside = "inside-the-application"

// canaryApp is an app all of whose secrets are canaries.
func canaryApp() auth.App {
	return auth.App{
		ID: "1001", Key: "public-key", Secret: canarySecret,
		EncryptionKey: base64.StdEncoding.EncodeToString([]byte(canaryMaster)),
		Former:        []auth.KeyPair{{Key: "former-key", Secret: canaryFormer}},
	}
}

// canaryForms is how the mark that all canaries begin with looks in the forms
// that values are printed and encoded in.
var canaryForms = func() []string {
	const mark = "canary-"
	forms := []string{mark, hex.EncodeToString([]byte(mark)), strings.ToUpper(hex.EncodeToString([]byte(mark)))}
	for skip := range 3 { // base64 has three ways to write it, by where it begins
		text := base64.StdEncoding.EncodeToString([]byte("..."[:skip] + mark))
		forms = append(forms, strings.TrimRight(text, "=")[(skip*8+5)/6:(skip+len(mark))*8/6])
	}
	decimal, golang := "", ""
	for _, b := range []byte(mark) {
		decimal += fmt.Sprintf(" %d", b)
		golang += fmt.Sprintf(", %#x", b)
	}
	return append(forms, decimal[1:], golang[2:])
}()

// leaks returns the forms of the mark that the text shows.
func leaks(text string) (found []string) {
	for _, form := range canaryForms {
		if strings.Contains(text, form) {
			found = append(found, form)
		}
	}
	return found
}

// watch collects what comes out, and reports canaries in it.
type watch struct {
	t interface {
		Helper()
		Errorf(format string, args ...any)
	}
	mu   sync.Mutex
	log  bytes.Buffer
	more []string // secrets that are made as the test runs
}

// newWatch returns a watch that looks at its log, too, when the test ends.
func newWatch(t *testing.T) *watch {
	w := &watch{t: t}
	t.Cleanup(func() { w.text("the log", w.logged()) })
	return w
}

// Write takes the log.
func (w *watch) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *watch) logged() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.String()
}

// secret has the watch look for one more, which has no mark.
func (w *watch) secret(secret string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.more = append(w.more, secret)
}

// logger logs everything here, as text and as JSON.
func (w *watch) logger() *slog.Logger {
	all := &slog.HandlerOptions{Level: slog.LevelDebug}
	return slog.New(slog.NewMultiHandler(slog.NewTextHandler(w, all), slog.NewJSONHandler(w, all)))
}

// text looks at what somebody reads who may not know any canary.
func (w *watch) text(where, text string) {
	w.t.Helper()
	w.mu.Lock()
	more := slices.Clone(w.more)
	w.mu.Unlock()
	more = slices.DeleteFunc(more, func(secret string) bool { return !strings.Contains(text, secret) })
	for _, form := range append(leaks(text), more...) {
		at := strings.Index(text, form)
		w.t.Errorf("%s shows a secret as %q: …%s…", where, form, text[max(0, at-60):min(len(text), at+60)])
	}
}

// client looks at what a client reads, who may not know the application's
// inside either.
func (w *watch) client(where, text string) {
	w.t.Helper()
	w.text(where, text)
	for _, tell := range []string{inside, "goroutine ", ".go:", "runtime error"} {
		if strings.Contains(text, tell) {
			w.t.Errorf("%s tells a client of the inside, %q: %.300s", where, tell, text)
		}
	}
}

// err looks at an error and at everything that it wraps, however printed.
func (w *watch) err(where string, err error) {
	w.t.Helper()
	if err == nil {
		w.t.Errorf("%s: no error, where one was provoked", where)
	}
	for _, e := range errorTree(err) {
		name := fmt.Sprintf("%s, error %T", where, e)
		w.text(name, e.Error())
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			w.text(name+" as "+verb, fmt.Sprintf(verb, e))
		}
		w.logger().Error(where, "error", e)
	}
}

// held looks at a value in an unexported field of the application's, on which
// package fmt calls no method. An [auth.App] cannot hide there.
func (w *watch) held(v any) {
	w.t.Helper()
	type holder struct{ held any }
	w.value(holder{v})
	w.value(&holder{v})
	w.value(v)
}

// value looks at a value as package fmt, log/slog and encoding/json show it.
func (w *watch) value(v any) {
	w.t.Helper()
	for _, v := range []any{v, []any{v}, map[string]any{"v": v}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%t"} {
			w.text(fmt.Sprintf("%T as %s", v, verb), fmt.Sprintf(verb, v))
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			w.text(fmt.Sprintf("the JSON error of %T", v), err.Error())
		}
		w.text(fmt.Sprintf("the JSON of %T", v), string(encoded))
		w.logger().Info("value", "value", v)
	}
}

// errorTree returns the error and all that it wraps.
func errorTree(err error) []error {
	var wrapped []error
	switch e := err.(type) {
	case nil:
		return nil
	case interface{ Unwrap() error }:
		wrapped = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		wrapped = e.Unwrap()
	}
	found := []error{err}
	for _, inner := range wrapped {
		found = append(found, errorTree(inner)...)
	}
	return found
}

// silentT counts what would have been reported.
type silentT struct{ reported int }

func (*silentT) Helper() {}

func (s *silentT) Errorf(string, ...any) { s.reported++ }

// leaky prints its secret, in a form of the test's choice.
type leaky struct {
	form string
	text string
}

func (l leaky) Error() string { return fmt.Sprintf(l.form, l.text) }

// TestWatchFindsCanaries shows that what the other tests rely on works.
func TestWatchFindsCanaries(t *testing.T) {
	t.Parallel()
	finds := func(name string, provoke func(w *watch)) {
		t.Helper()
		s := &silentT{}
		w := &watch{t: s}
		provoke(w)
		w.text("the log", w.logged())
		if s.reported == 0 {
			t.Errorf("%s is not found", name)
		}
	}
	for _, form := range []string{"%s", "%q", "%x", "%X", "%d", "%#v", "%v"} {
		finds("a secret as "+form, func(w *watch) { w.text("x", fmt.Sprintf(form, canarySecret)) })
		finds("its bytes as "+form, func(w *watch) { w.text("x", fmt.Sprintf(form, []byte(canarySecret))) })
	}
	for _, before := range []string{"", "a", "ab", "abc", "abcd"} {
		finds("a secret in base64 behind "+before, func(w *watch) {
			w.text("x", base64.StdEncoding.EncodeToString([]byte(before+canarySecret)))
		})
	}
	finds("the master key", func(w *watch) { w.text("x", canaryApp().EncryptionKey) })
	finds("an error", func(w *watch) { w.err("x", leaky{"%s", canaryPlain}) })
	finds("a wrapped error", func(w *watch) {
		w.err("x", errors.Join(errors.New("a"), fmt.Errorf("b: %w", leaky{"%x", canaryPlain})))
	})
	finds("a field of an error", func(w *watch) { w.err("x", leaky{"%.0s", canaryPlain}) })
	finds("an unexported field", func(w *watch) { w.held(&leaky{"", canaryPlain}) })
	finds("the log", func(w *watch) { w.logger().DebugContext(context.Background(), "x", "y", canaryBearer) })
	finds("the inside", func(w *watch) { w.client("x", inside) })
	finds("an app in an unexported field", func(w *watch) { w.held(canaryApp()) })
	finds("a secret without a mark", func(w *watch) { w.secret("0123abcd"); w.text("x", "signed 0123abcd by") })
	finds("a missing error", func(w *watch) { w.err("x", nil) })
	silent := &silentT{}
	w := &watch{t: silent}
	w.value(canaryApp())
	w.err("x", errors.New("ordinary"))
	if silent.reported > 0 {
		t.Errorf("finds %d where there are none", silent.reported)
	}
}
