package auth

import (
	"net/http"
)

// Names of the laravel-echo broadcasters that speak the Pusher protocol.
const (
	// BroadcasterReverb is for a server that you run yourself, such as the
	// embedded one.
	BroadcasterReverb = "reverb"
	// BroadcasterPusher is for Pusher Channels.
	BroadcasterPusher = "pusher"
)

// ClientConfig is what a page needs in order to connect. Its JSON form uses the
// option names of laravel-echo, so the page can write
//
//	new Echo({ ...config, Pusher })
//
// It contains no secret. It is also an [http.Handler] that serves itself.
type ClientConfig struct {
	// Broadcaster is BroadcasterReverb or BroadcasterPusher.
	Broadcaster string `json:"broadcaster"`
	// Key is the app's key.
	Key string `json:"key"`
	// Cluster is the Pusher Channels cluster. It is sent even if empty, because
	// pusher-js requires the option to be present.
	Cluster string `json:"cluster"`
	// WSHost, WSPort, WSSPort and WSPath locate a server other than Pusher's. Zero
	// values are left out, and pusher-js then uses the cluster's host, ports 80
	// and 443, and no path prefix.
	WSHost  string `json:"wsHost,omitempty"`
	WSPort  int    `json:"wsPort,omitempty"`
	WSSPort int    `json:"wssPort,omitempty"`
	WSPath  string `json:"wsPath,omitempty"`
	// ForceTLS makes the page use TLS even if the page itself was loaded without
	// it. A page that was loaded over TLS always uses TLS.
	ForceTLS bool `json:"forceTLS"`
	// EnabledTransports restricts the transports to those listed: "ws", "wss". If
	// it is empty, pusher-js chooses.
	EnabledTransports []string `json:"enabledTransports,omitempty"`
}

// ServeHTTP responds to GET and HEAD with the configuration as JSON, and to any
// other method with status 405.
func (c ClientConfig) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeJSON(w, http.StatusMethodNotAllowed, message{"use GET"})
		return
	}
	writeJSON(w, http.StatusOK, c)
}
