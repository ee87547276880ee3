package vectortest

import "encoding/json"

// Dispatched is a row of dispatch.json: an event, and the requests that Laravel
// sent to publish it.
type Dispatched struct {
	Name  string
	Input struct {
		// SocketID is the request's X-Socket-ID header, if it had one. How is
		// the PHP code that dispatched the event.
		SocketID *string `json:"x_socket_id"`
		How      string
	}
	Want struct {
		Exception string
		Requests  []Publication
	}
}

// Publication is a recorded request to publish.
type Publication struct {
	Body struct {
		Name     string
		Channel  string
		Channels []string
		SocketID string `json:"socket_id"`
	} `json:"body_json"`
	Data json.RawMessage `json:"data_json"`
}

// Channels returns the names of the channels, which the SDK sends in one of two
// fields.
func (p Publication) Channels() []string {
	if p.Body.Channel != "" {
		return []string{p.Body.Channel}
	}
	return p.Body.Channels
}
