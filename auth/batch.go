package auth

import (
	"context"
	"net/http"
)

// batchAnswer is the response to a request for several channels.
type batchAnswer struct {
	Channels map[string]batchEntry `json:"channels"`
}

// batchEntry is the response for one of the channels: what a request for that
// channel alone would have returned, plus the status.
type batchEntry struct {
	Status int `json:"status"`
	*Grant
	Message string `json:"message,omitempty"`
}

// batch decides several channels one after the other, each as if it had been
// requested alone. Together they may take twice as long as a single rule: one
// rule that hangs then leaves time for the others, and a hundred that hang do
// not add up.
func (h *Handler[U]) batch(r *http.Request, client string, p params) (any, error) {
	v, err := h.visitor(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	if h.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, 2*h.timeout, ErrTimeout)
		defer cancel()
	}
	answer := batchAnswer{Channels: make(map[string]batchEntry, len(p.names))}
	for _, name := range p.names {
		if _, done := answer.Channels[name]; done {
			continue
		}
		if _, over := h.limiter.over(client); over {
			answer.Channels[name] = batchEntry{Status: http.StatusTooManyRequests, Message: tooMany}
			continue
		}
		grant, err := h.authorizeName(ctx, v, p.socketID, name)
		entry := batchEntry{Status: http.StatusOK, Grant: grant}
		if err != nil {
			entry.Status, entry.Message = h.refused(r, client, name, err)
		}
		answer.Channels[name] = entry
	}
	return answer, nil
}
