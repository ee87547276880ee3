package server

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// publication is one event to publish, as the HTTP API was asked to.
type publication struct {
	event     string
	channels  []channel.Channel // without duplicates
	data      string
	socketID  string
	info      channelInfo // attributes to answer with, if infoAsked
	infoAsked bool
}

// once carries out a call that publishes. With an idempotency key, it does so
// only for the first of several equal requests.
func (c *apiCall) once(w http.ResponseWriter, r *http.Request, rt *apiRoute) (apiAnswer, error) {
	key, err := idempotencyKey(r)
	if err != nil {
		return apiAnswer{}, err
	}
	// A caller that hangs up must not cut a batch in half.
	ctx := context.WithoutCancel(r.Context())
	if key == "" {
		return rt.handle(c, ctx)
	}
	answer, replayed, err := c.app.idempotency.do(r.Context(), key, c.digest(rt), func() (apiAnswer, error) {
		return rt.handle(c, ctx)
	})
	if replayed {
		w.Header().Set(idempotencyReplayed, "true")
	}
	if c.app.idempotency.overflowed() {
		c.app.server.log.LogAttrs(ctx, slog.LevelWarn, "idempotency keys are forgotten before their time: more come than are kept",
			slog.String("app", c.app.id), slog.Int("kept", idempotencyEntries), slog.Duration("time", idempotencyWindow))
	}
	return answer, err
}

// digest distinguishes publish requests by everything that they ask for. It
// leaves out what only authenticates the caller, since that changes with every
// attempt.
func (c *apiCall) digest(rt *apiRoute) (sum [sha256.Size]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %q %q %q\n", rt.path, c.channel, c.query["name"], c.query["socket_id"], c.query["info"])
	h.Write(c.body)
	h.Sum(sum[:0])
	return sum
}

// publishEvent publishes one event on its channels.
func (c *apiCall) publishEvent(ctx context.Context) (apiAnswer, error) {
	p, err := readEvent(c.body, c.app.server.limits)
	if err != nil {
		return apiAnswer{}, err
	}
	if err := c.publish(ctx, p); err != nil || !p.infoAsked {
		return emptyAnswer, err
	}
	channels := make(map[string]channelAttributes, len(p.channels))
	for _, ch := range p.channels {
		channels[ch.String()] = p.info.attributes(ch, c.app.occupancy(ch))
	}
	return jsonAnswer(http.StatusOK, struct {
		Channels map[string]channelAttributes `json:"channels"`
	}{channels}), nil
}

// publishBatch publishes several events in their order. All of them are checked
// before the first is published.
func (c *apiCall) publishBatch(ctx context.Context) (apiAnswer, error) {
	batch, err := readBatch(c.body, c.app.server.limits)
	if err != nil {
		return apiAnswer{}, err
	}
	infoAsked := false
	for i, p := range batch {
		if err := c.publish(ctx, p); err != nil {
			return apiAnswer{}, fmt.Errorf("event %d of a batch: %w", i, err)
		}
		infoAsked = infoAsked || p.infoAsked
	}
	if !infoAsked {
		return emptyAnswer, nil
	}
	attributes := make([]channelAttributes, len(batch))
	for i, p := range batch {
		attributes[i] = p.info.attributes(p.channels[0], c.app.occupancy(p.channels[0]))
	}
	return jsonAnswer(http.StatusOK, struct {
		Batch []channelAttributes `json:"batch"`
	}{attributes}), nil
}

// publishRaw publishes the body as it is on the channel in the path. The
// event's name is in the query.
func (c *apiCall) publishRaw(ctx context.Context) (apiAnswer, error) {
	if !utf8.Valid(c.body) {
		return apiAnswer{}, badRequest("the body is not valid UTF-8")
	}
	data := string(c.body)
	in := publicationFields{data: &data, channel: &c.channel}
	if name, ok := c.query["name"]; ok {
		in.name = &name
	}
	if id, ok := c.query["socket_id"]; ok {
		in.socketID = &id
	}
	p, err := in.publication(c.app.server.limits)
	if err != nil {
		return apiAnswer{}, err
	}
	if err := c.publish(ctx, p); err != nil {
		return apiAnswer{}, err
	}
	return apiAnswer{http.StatusAccepted, emptyAnswer.body}, nil
}

func (c *apiCall) publish(ctx context.Context, p publication) error {
	return c.app.publish(ctx, p.event, p.data, p.channels, p.socketID)
}

// maxPublishBody returns the length of the longest body that can be within the
// limits, given that every character may be written as an escape of six bytes.
func maxPublishBody(l Limits) int64 {
	const (
		escape    = 6
		fields    = 4 << 10  // their names, punctuation and white space
		unlimited = 64 << 20 // the bound when a limit is off
	)
	if min(l.EventData, l.EventName, l.ChannelName, l.Channels, l.Batch) < 0 {
		return unlimited
	}
	event := func(channels int) float64 { // as floats, since the product of large limits could overflow
		return escape*(float64(l.EventData)+float64(l.EventName)+float64(channels)*float64(l.ChannelName)) + fields
	}
	return int64(min(max(event(l.Channels), float64(l.Batch)*event(1)), 1<<62))
}

// publicationFields are the fields of a publication as they were sent.
type publicationFields struct {
	name, data, channel, socketID, info *string
	channels                            []string
}

// publication checks the fields. If both channel and channels are given,
// channels is used.
func (in *publicationFields) publication(limits Limits) (publication, error) {
	switch {
	case in.name == nil:
		return publication{}, badRequest("name is missing; it is the event's name")
	case in.data == nil:
		return publication{}, badRequest("data is missing; it must be a string, which may be empty")
	case in.channels == nil && in.channel == nil:
		return publication{}, badRequest("channels and channel are both missing; name at least one channel")
	case in.channels != nil && len(in.channels) == 0:
		return publication{}, badRequest("channels is empty; name at least one channel")
	case in.channels == nil:
		in.channels = []string{*in.channel}
	}
	p := publication{event: *in.name, data: *in.data}
	if in.info != nil && *in.info != "" {
		p.infoAsked = true
		p.info, _ = parseChannelInfo(*in.info) // unknown attributes are left out of the answer
	}
	if in.socketID != nil {
		p.socketID = *in.socketID
		if !pusherproto.ValidSocketID(p.socketID) {
			return publication{}, badRequest("socket_id %s is malformed; it looks like 123.456, and leaving it out excludes nobody", quoted(p.socketID))
		}
	}
	var err error
	if p.channels, err = parseChannels(in.channels, limits); err != nil {
		return publication{}, err
	}
	return p, p.check(limits)
}

// check checks the event's name and data.
func (p *publication) check(limits Limits) error {
	switch {
	case p.event == "":
		return badRequest("name is empty; it is the event's name")
	case over(len(p.event), limits.EventName):
		return badRequest("name has %d bytes, the limit is %d", len(p.event), limits.EventName)
	case strings.HasPrefix(p.event, "pusher:"), strings.HasPrefix(p.event, "pusher_internal:"):
		return badRequest("name %s begins with a prefix that the protocol keeps for its own events", quoted(p.event))
	case over(len(p.data), limits.EventData):
		return apiErrorf(http.StatusRequestEntityTooLarge,
			"the data content of this event has %d bytes, the limit is %d; send an id and let the page fetch the rest", len(p.data), limits.EventData)
	}
	return nil
}

func parseChannel(name string, limits Limits) (channel.Channel, error) {
	ch, err := channel.Parse(name)
	if err != nil {
		return ch, badRequest("channel %s", strings.TrimPrefix(err.Error(), "channel: "))
	}
	if over(len(name), limits.ChannelName) {
		return ch, badRequest("channel name %s has %d bytes, the limit is %d", quoted(name), len(name), limits.ChannelName)
	}
	return ch, nil
}

// parseChannels reads the names of one event's channels and drops duplicates,
// so that each channel gets the event once.
func parseChannels(names []string, limits Limits) ([]channel.Channel, error) {
	channels := make([]channel.Channel, 0, len(names))
	for _, name := range names {
		ch, err := parseChannel(name, limits)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(channels, ch) {
			channels = append(channels, ch)
		}
	}
	if len(channels) > 1 {
		for _, ch := range channels {
			if ch.Kind() == channel.KindEncrypted {
				return nil, badRequest("the encrypted channel %s must be the only one of an event, since the data is sealed for it", quoted(ch.String()))
			}
		}
	}
	return channels, nil
}
