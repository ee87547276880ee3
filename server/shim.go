package server

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"
)

// shimScript is the script, with 'PREFIX' where the server's prefix belongs.
//
//go:embed shim.js
var shimScript []byte

// EchoShim returns a handler for a script that redirects pages written for
// Pusher's cloud to this server, without rebuilding them:
//
//	mux.Handle("GET /broadcasting/echo-shim.js", srv.EchoShim())
//
//	<script src="/broadcasting/echo-shim.js"></script>
//
// Place the tag before the page's own scripts. The shim changes any class that
// is then assigned to window.Pusher, which pusher-js itself does and Laravel's
// bootstrap does. It replaces the page's cluster with wsHost, wsPort, wssPort,
// wsPath, forceTLS and enabledTransports for the server that the script was
// loaded from. On the tag, data-url names another server, and data-key an app
// key other than the page's. The script reports on the browser's console where
// it connects.
//
// The shim is a tool for development and migration. Nothing serves it unless it
// is mounted, and it does not work on every page. A page that constructs the
// class it imported, without window.Pusher, connects to Pusher as before.
// configureEcho of @laravel/echo-react and @laravel/echo-vue does so; give
// those the address of this server instead. A page loaded over HTTPS always
// uses TLS, so its server needs TLS too. The endpoints that authorise channels
// stay those of the page.
func (s *Server) EchoShim() http.Handler {
	prefix, err := json.Marshal(s.prefix) // which leaves no < > & to a script
	if err != nil {
		panic(err) // a string always encodes
	}
	script := bytes.Replace(shimScript, []byte("'PREFIX'"), prefix, 1)
	sum := sha256.Sum256(script)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "the shim is a script; only GET and HEAD are answered", http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(script))
	})
}
