package auth

import (
	"net/http"
)

// The broadcasters of laravel-echo that speak the Pusher protocol.
const (
	// BroadcasterReverb is for a server of one's own, such as the embedded one.
	BroadcasterReverb = "reverb"
	// BroadcasterPusher is for Pusher Channels.
	BroadcasterPusher = "pusher"
)

// ClientConfig is what a page needs to connect, under the names that
// laravel-echo takes, so that the page can say
//
//	new Echo({ ...config, Pusher })
//
// It holds nothing secret. It is also an [http.Handler] that answers with
// itself.
type ClientConfig struct {
	// Broadcaster is BroadcasterReverb or BroadcasterPusher.
	Broadcaster string `json:"broadcaster"`
	// Key is the app's key.
	Key string `json:"key"`
	// Cluster is the cluster of Pusher Channels. pusher-js wants the member to
	// be there, so it is sent even when empty.
	Cluster string `json:"cluster"`
	// WSHost, WSPort, WSSPort and WSPath are the place of another server. The
	// zero values are left out: pusher-js then takes the cluster's host, ports
	// 80 and 443, and no path in front.
	WSHost  string `json:"wsHost,omitempty"`
	WSPort  int    `json:"wsPort,omitempty"`
	WSSPort int    `json:"wssPort,omitempty"`
	WSPath  string `json:"wsPath,omitempty"`
	// ForceTLS makes the page use TLS even if it was itself loaded without. A
	// page loaded with TLS always uses it.
	ForceTLS bool `json:"forceTLS"`
	// EnabledTransports limits the transports: "ws", "wss". Empty means
	// pusher-js's own choice.
	EnabledTransports []string `json:"enabledTransports,omitempty"`
}

// ServeHTTP answers GET and HEAD with the configuration as JSON.
func (c ClientConfig) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeJSON(w, http.StatusMethodNotAllowed, message{"use GET"})
		return
	}
	writeJSON(w, http.StatusOK, c)
}
