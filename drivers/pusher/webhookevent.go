package pusher

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/onairgo/onair/channel"
)

// WebhookBatch holds the events of one webhook.
type WebhookBatch struct {
	// Time is when the service made the batch, by its own clock.
	Time time.Time
	// Events are the events in the order of the webhook.
	Events []WebhookEvent
}

// WebhookEvent is one of [ChannelOccupied], [ChannelVacated], [MemberAdded],
// [MemberRemoved], [ClientEvent], [CacheMiss], [SubscriptionCountChanged] and
// [UnknownEvent]. Use a type switch to tell them apart.
type WebhookEvent interface {
	// WebhookName returns the event's name in the webhook, such as
	// "channel_occupied".
	WebhookName() string
}

// ChannelOccupied reports that a channel has its first subscriber.
type ChannelOccupied struct{ Channel channel.Channel }

// ChannelVacated reports that a channel has lost its last subscriber.
type ChannelVacated struct{ Channel channel.Channel }

// MemberAdded reports that a user has joined a presence channel.
type MemberAdded struct {
	Channel channel.Channel
	// UserID is the id of the member. It is the same for all connections of a
	// user.
	UserID string
}

// MemberRemoved reports that a user has left a presence channel, with the last
// of the user's connections.
type MemberRemoved struct {
	Channel channel.Channel
	// UserID is the id of the member.
	UserID string
}

// ClientEvent is an event that a page has sent to the other subscribers of a
// channel, which Echo calls a whisper.
type ClientEvent struct {
	Channel channel.Channel
	// Event is the event's name, including the prefix "client-".
	Event string
	// Data is the event's data, which is usually JSON. The data of an encrypted
	// channel is decrypted if the app has an encryption key, and otherwise is
	// still sealed.
	Data string
	// SocketID is the connection that sent the event.
	SocketID string
	// UserID is the id of the member that sent the event on a presence channel.
	// It is empty on other channels.
	UserID string
}

// CacheMiss reports that a connection has subscribed to a cache channel for
// which the service has no cached event.
type CacheMiss struct{ Channel channel.Channel }

// SubscriptionCountChanged reports that the number of connections subscribed to
// a channel has changed.
type SubscriptionCountChanged struct {
	Channel channel.Channel
	// Count is the new number of connections.
	Count int
}

// UnknownEvent is an event for which this package has no type, or whose fields
// are not valid for its name.
type UnknownEvent struct {
	// Name is the event's name in the webhook.
	Name string
	// Raw is the event's JSON.
	Raw json.RawMessage
}

// WebhookName returns "channel_occupied".
func (ChannelOccupied) WebhookName() string { return "channel_occupied" }

// WebhookName returns "channel_vacated".
func (ChannelVacated) WebhookName() string { return "channel_vacated" }

// WebhookName returns "member_added".
func (MemberAdded) WebhookName() string { return "member_added" }

// WebhookName returns "member_removed".
func (MemberRemoved) WebhookName() string { return "member_removed" }

// WebhookName returns "client_event".
func (ClientEvent) WebhookName() string { return "client_event" }

// WebhookName returns "cache_miss".
func (CacheMiss) WebhookName() string { return "cache_miss" }

// WebhookName returns "subscription_count".
func (SubscriptionCountChanged) WebhookName() string { return "subscription_count" }

// WebhookName returns e.Name.
func (e UnknownEvent) WebhookName() string { return e.Name }

// decode decodes the body of a webhook.
func (h *Webhook) decode(body []byte) (WebhookBatch, error) {
	var wire struct {
		TimeMS *int64            `json:"time_ms"`
		Events []json.RawMessage `json:"events"`
	}
	if err := json.Unmarshal(body, &wire); err != nil || wire.TimeMS == nil || wire.Events == nil {
		return WebhookBatch{}, &refusal{http.StatusBadRequest, "the body is not a JSON object with time_ms and events"}
	}
	batch := WebhookBatch{Time: time.UnixMilli(*wire.TimeMS), Events: make([]WebhookEvent, len(wire.Events))}
	for i, raw := range wire.Events {
		e, err := h.decodeEvent(raw)
		if err != nil {
			return WebhookBatch{}, fmt.Errorf("pusher: webhook: event %d: %w", i, err)
		}
		batch.Events[i] = e
	}
	return batch, nil
}

// webhookFields holds the fields of events of any kind.
type webhookFields struct {
	Name              string          `json:"name"`
	Channel           channel.Channel `json:"channel"`
	UserID            looseString     `json:"user_id"`
	Event             string          `json:"event"`
	Data              looseData       `json:"data"`
	SocketID          string          `json:"socket_id"`
	SubscriptionCount looseString     `json:"subscription_count"`
}

func (h *Webhook) decodeEvent(raw json.RawMessage) (WebhookEvent, error) {
	var named struct {
		Name string `json:"name"`
	}
	if err := json.Unmarshal(raw, &named); err != nil {
		return nil, &refusal{http.StatusBadRequest, "an event is not a JSON object with a name"}
	}
	unknown := UnknownEvent{Name: named.Name, Raw: raw}
	var f webhookFields
	if err := json.Unmarshal(raw, &f); err != nil || f.Channel.IsZero() {
		return unknown, nil
	}
	switch f.Name {
	case ChannelOccupied{}.WebhookName():
		return ChannelOccupied{f.Channel}, nil
	case ChannelVacated{}.WebhookName():
		return ChannelVacated{f.Channel}, nil
	case MemberAdded{}.WebhookName():
		return MemberAdded{f.Channel, string(f.UserID)}, nil
	case MemberRemoved{}.WebhookName():
		return MemberRemoved{f.Channel, string(f.UserID)}, nil
	case CacheMiss{}.WebhookName():
		return CacheMiss{f.Channel}, nil
	case ClientEvent{}.WebhookName():
		data, err := h.clear(f)
		return ClientEvent{f.Channel, f.Event, data, f.SocketID, string(f.UserID)}, err
	case SubscriptionCountChanged{}.WebhookName():
		if count, err := strconv.Atoi(string(f.SubscriptionCount)); err == nil {
			return SubscriptionCountChanged{f.Channel, count}, nil
		}
	}
	return unknown, nil
}

// clear returns the data of a client event, decrypted if possible.
func (h *Webhook) clear(f webhookFields) (string, error) {
	if f.Channel.Kind() != channel.KindEncrypted || h.open == nil {
		return string(f.Data), nil
	}
	data, err := h.open(f.Channel.String(), string(f.Data))
	if err != nil {
		return "", fmt.Errorf("channel %q: %w", f.Channel, err)
	}
	return data, nil
}

// looseData decodes the string that the protocol requires, or takes the JSON
// text of anything else that a service sends.
type looseData string

func (d *looseData) UnmarshalJSON(data []byte) error {
	var s string
	if json.Unmarshal(data, &s) != nil {
		s = string(data)
	}
	*d = looseData(s)
	return nil
}
