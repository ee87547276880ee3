package auth

import (
	"context"
	"net/http"

	"github.com/onairgo/onair/channel"
)

// batchAnswer is the answer to a request for several channels.
type batchAnswer struct {
	Channels map[string]batchEntry `json:"channels"`
}

// batchEntry is the answer for one of them: what it would have got alone, and
// the status.
type batchEntry struct {
	Status int `json:"status"`
	*Grant
	Message string `json:"message,omitempty"`
}

// batch decides several channels one after the other, each as if it had come
// alone. All together may take twice the time of one rule, so that one that
// hangs costs the others nothing, and a hundred that hang do not add up.
func (h *Handler[U]) batch(r *http.Request, client string, p params) (any, error) {
	v, err := h.visitor(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	if h.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, 2*h.timeout)
		defer cancel()
	}
	answer := batchAnswer{Channels: make(map[string]batchEntry, len(p.names))}
	for _, name := range p.names {
		if _, done := answer.Channels[name]; !done {
			answer.Channels[name] = h.batchEntry(ctx, v, client, p.socketID, name)
		}
	}
	return answer, nil
}

func (h *Handler[U]) batchEntry(ctx context.Context, v *visitor[U], client, socketID, name string) batchEntry {
	if _, over := h.limiter.over(client); over {
		return batchEntry{Status: http.StatusTooManyRequests, Message: tooMany}
	}
	ch, err := channel.Parse(name)
	if err != nil {
		err = malformedName(err)
	}
	var grant *Grant
	if err == nil {
		grant, err = h.authorize(ctx, v, socketID, ch)
	}
	if err == nil {
		return batchEntry{Status: http.StatusOK, Grant: grant}
	}
	h.record(ctx, err)
	status, text := h.status(err)
	if status < 500 {
		h.limiter.refused(client)
	}
	return batchEntry{Status: status, Message: text}
}
