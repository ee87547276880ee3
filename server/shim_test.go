package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/server"
)

func shim(t *testing.T, prefix string) http.Handler {
	t.Helper()
	srv, err := server.New(server.Config{App: auth.App{ID: "1", Key: "key", Secret: "secret"}, Prefix: prefix})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, srv.Shutdown(t.Context())) })
	return srv.EchoShim()
}

func askShim(h http.Handler, method string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "http://example.com/broadcasting/echo-shim.js", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func scriptOf(t *testing.T, r *http.Response) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, r.Write(&b))
	_, text, _ := strings.Cut(b.String(), "\r\n\r\n")
	return text
}

func TestEchoShimIsAScript(t *testing.T) {
	t.Parallel()
	got := askShim(shim(t, ""), http.MethodGet)
	assert.Equal(t, http.StatusOK, got.StatusCode)
	assert.Equal(t, "text/javascript; charset=utf-8", got.Header.Get("Content-Type"))
	assert.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"))
	text := scriptOf(t, got)
	assert.True(t, strings.HasSuffix(text, "})(\"\");\n"), "ends with %q", text[len(text)-20:])
	assert.NotContains(t, text, "PREFIX")
}

func TestEchoShimCarriesThePrefix(t *testing.T) {
	t.Parallel()
	assert.True(t, strings.HasSuffix(scriptOf(t, askShim(shim(t, "/realtime"), http.MethodGet)), "})(\"/realtime\");\n"))
}

func TestEchoShimCannotBeBrokenOutOf(t *testing.T) {
	t.Parallel()
	t.Run("by the prefix", func(t *testing.T) {
		t.Parallel()
		text := scriptOf(t, askShim(shim(t, `/a"+alert(1)+"</script>`+"\u2028"), http.MethodGet))
		assert.True(t, strings.HasSuffix(text, `})("/a\"+alert(1)+\"\u003c/script\u003e\u2028");`+"\n"), "ends with %q", text[len(text)-80:])
	})
	t.Run("by the request", func(t *testing.T) {
		t.Parallel()
		h := shim(t, "")
		want := scriptOf(t, askShim(h, http.MethodGet))
		got := askShim(h, http.MethodGet, "Host", `evil.example"+alert(1)+"`, "X-Forwarded-Host", "evil.example",
			"X-Forwarded-Proto", "https", "Forwarded", "host=evil.example", "Origin", "https://evil.example", "Referer", "https://evil.example/")
		assert.Equal(t, want, scriptOf(t, got), "the script is the same whatever the request says")
	})
}

func TestEchoShimIsRevalidated(t *testing.T) {
	t.Parallel()
	h := shim(t, "")
	first := askShim(h, http.MethodGet)
	assert.Equal(t, "no-cache", first.Header.Get("Cache-Control"))
	etag := first.Header.Get("ETag")
	require.NotEmpty(t, etag)

	again := askShim(h, http.MethodGet, "If-None-Match", etag)
	assert.Equal(t, http.StatusNotModified, again.StatusCode)
	assert.Empty(t, scriptOf(t, again))

	other := askShim(shim(t, "/realtime"), http.MethodGet, "If-None-Match", etag)
	assert.Equal(t, http.StatusOK, other.StatusCode, "another prefix is another script")
}

func TestEchoShimMethods(t *testing.T) {
	t.Parallel()
	h := shim(t, "")
	head := askShim(h, http.MethodHead)
	assert.Equal(t, http.StatusOK, head.StatusCode)
	assert.NotEmpty(t, head.Header.Get("Content-Length"))

	post := askShim(h, http.MethodPost)
	assert.Equal(t, http.StatusMethodNotAllowed, post.StatusCode)
	assert.Equal(t, "GET, HEAD", post.Header.Get("Allow"))
}
