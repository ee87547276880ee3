package vectortest

import "encoding/json"

// Dispatched is a row of dispatch.json: an event, and the publications that
// Laravel was seen to make of it.
type Dispatched struct {
	Name  string
	Input struct {
		// SocketID is the header X-Socket-ID of the request, if there was one,
		// and How the PHP that dispatched the event.
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

// Channels returns the names of the channels, which the SDK writes in two ways.
func (p Publication) Channels() []string {
	if p.Body.Channel != "" {
		return []string{p.Body.Channel}
	}
	return p.Body.Channels
}
