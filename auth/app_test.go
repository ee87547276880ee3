package auth_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
)

func TestAppValidate(t *testing.T) {
	t.Parallel()
	require.NoError(t, testApp.Validate())
	for _, test := range []struct {
		change func(*auth.App)
		want   string
	}{
		{func(a *auth.App) { *a = auth.App{} }, `auth: app "": missing ID, Key, Secret`},
		{func(a *auth.App) { a.Secret = "" }, `auth: app "1001": missing Secret`},
		{func(a *auth.App) { a.Key = "a b" }, `auth: app "1001": Key holds white space or a control character`},
		{func(a *auth.App) { a.Secret = "canary\n" }, `auth: app "1001": Secret holds white space or a control character`},
		{func(a *auth.App) { a.Key = "a:b" }, `auth: app "1001": Key holds one of / ? # & = : %, which cannot stand in a URL or a signature`},
		{func(a *auth.App) { a.ID = "a/b" }, `auth: app "a/b": ID holds one of / ? # & = : %, which cannot stand in a URL or a signature`},
		{func(a *auth.App) { a.EncryptionKey = "canary" }, `auth: app "1001": encryption key is not 32 bytes in base64; make one with: openssl rand -base64 32`},
		{func(a *auth.App) { a.Former = []auth.KeyPair{{Key: "k", Secret: "s"}, {Key: "k"}} }, `auth: app "1001": Former[1] needs both key and secret`},
		{func(a *auth.App) { a.Former = []auth.KeyPair{{Secret: "canary"}} }, `auth: app "1001": Former[0] needs both key and secret`},
		{func(a *auth.App) { a.Former = []auth.KeyPair{{Key: "old", Secret: "s"}, {Key: "old", Secret: "t"}} }, `auth: app "1001": Former[1] has a key that is already used; a new secret needs a new key`},
		{func(a *auth.App) { a.Former = []auth.KeyPair{{Key: a.Key, Secret: "canary"}} }, `auth: app "1001": Former[0] has a key that is already used; a new secret needs a new key`},
		{func(a *auth.App) { a.ID, a.Key, a.EncryptionKey = "", " ", "x" }, `auth: app "": missing ID; Key holds white space or a control character; encryption key is not 32 bytes in base64; make one with: openssl rand -base64 32`},
	} {
		app := testApp
		test.change(&app)
		require.EqualError(t, app.Validate(), test.want)
	}
}

// TestAlphabetOfAnApp tries every byte of ASCII.
func TestAlphabetOfAnApp(t *testing.T) {
	t.Parallel()
	for b := range 128 {
		c := string(rune(b))
		app := testApp
		app.Secret = "a" + c + "b"
		graphic := c > " " && c < "\x7f"
		assert.Equal(t, graphic, app.Validate() == nil, "secret with %q: %v", c, app.Validate())
		for _, with := range []auth.App{{ID: "a" + c, Key: "k", Secret: "s"}, {ID: "1", Key: "a" + c, Secret: "s"}} {
			assert.Equal(t, graphic && !strings.Contains("/?#&=:%", c), with.Validate() == nil, "id or key with %q: %v", c, with.Validate())
		}
	}
}

func TestAppsAndKeyPairsAsText(t *testing.T) {
	t.Parallel()
	pair := auth.KeyPair{Key: "former-key", Secret: "canary"}
	for want, v := range map[string]any{`app "1001" key "` + testApp.Key + `"`: testApp, `key "former-key"`: pair} {
		assert.Equal(t, want, v.(fmt.Stringer).String())
		assert.Equal(t, want, v.(fmt.GoStringer).GoString())
		assert.Equal(t, want, fmt.Sprintf("%x", v))
		text, err := json.Marshal(v)
		require.NoError(t, err)
		assert.JSONEq(t, strconv.Quote(want), string(text))
	}
	assert.Equal(t, slog.StringValue("former-key"), pair.LogValue())
	assert.Equal(t, "[id=1001 key="+testApp.Key+"]", testApp.LogValue().String())
}

func TestAppDoesNotPrintItsSecrets(t *testing.T) {
	t.Parallel()
	app := auth.App{
		ID: "1001", Key: "public-key", Secret: "canary-1", EncryptionKey: "canary-2",
		Former: []auth.KeyPair{{Key: "former-key", Secret: "canary-3"}},
	}
	var b bytes.Buffer
	for _, v := range []any{app, &app, app.Former, app.Former[0], &app.Former[0], []auth.App{app}, struct{ App auth.App }{app}, map[string]auth.App{"a": app}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&b, verb+"\n", v)
		}
		fmt.Fprintln(&b, v)
		text, err := json.Marshal(v)
		require.NoError(t, err)
		b.Write(text)
		for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
			slog.New(h).Info("app", "v", v)
		}
	}
	fmt.Fprintln(&b, app.String(), app.GoString(), app.Former[0].String(), app.Former[0].GoString(), app.LogValue(), app.Former[0].LogValue())
	fmt.Fprintln(&b, errors.Join(app.Validate(), fmt.Errorf("app %v", app)))
	assert.NotContains(t, b.String(), "canary")
	assert.NotContains(t, b.String(), fmt.Sprintf("%x", "canary"))
	assert.Contains(t, b.String(), `app "1001" key "public-key"`)
	assert.Contains(t, b.String(), `key "former-key"`)
	assert.Contains(t, b.String(), `v.id=1001 v.key=public-key`)
	assert.Equal(t, 1, strings.Count(app.String(), "public-key"))
}
