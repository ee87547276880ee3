package pusher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	pusherhttp "github.com/pusher/pusher-http-go/v5"

	"github.com/onairgo/onair/channel"
)

// Attribute is a property of a channel that the service returns on request.
type Attribute string

// The attributes of the protocol. Not every service supports all of them.
const (
	// UserCount is the number of members. Only presence channels have it.
	UserCount Attribute = "user_count"
	// SubscriptionCount is the number of subscribed connections. Pusher
	// Channels returns it only if it is enabled in the app's settings.
	SubscriptionCount Attribute = "subscription_count"
	// Cache is the last event of a cache channel.
	Cache Attribute = "cache"
)

// ChannelInfo is the state of a channel. The field of an attribute that was not
// requested is zero.
type ChannelInfo struct {
	// Name is the name on the wire, including prefixes.
	Name string
	// Occupied reports whether the channel has subscribers.
	Occupied bool
	// UserCount and SubscriptionCount are the values of these attributes.
	UserCount, SubscriptionCount int
	// Cached is the last event of a cache channel, or nil if there is none.
	Cached *CachedEvent
}

// CachedEvent is the last event of a cache channel.
type CachedEvent struct {
	// Data is the event's data, which is sealed on an encrypted channel.
	Data string
	// TTL is how long the service keeps the event.
	TTL time.Duration
}

// Channels returns the occupied channels whose names on the wire begin with the
// prefix, sorted by name. The empty prefix selects all of them. The only
// attribute that can be requested is [UserCount], which requires a prefix that
// begins with "presence-".
func (d *Driver) Channels(ctx context.Context, prefix string, attributes ...Attribute) ([]ChannelInfo, error) {
	if _, err := channel.Parse("x" + prefix); err != nil {
		return nil, fmt.Errorf("pusher: the prefix %.100q cannot begin a channel's name", prefix)
	}
	for _, a := range attributes {
		if a != UserCount {
			return nil, fmt.Errorf("pusher: a list of channels has no %q; query each channel", a)
		}
		if !strings.HasPrefix(prefix, "presence-") {
			return nil, errors.New(`pusher: only presence channels have a user count; the prefix must begin with "presence-"`)
		}
	}
	var answer struct {
		Channels channelList `json:"channels"`
	}
	err := d.query(ctx, &answer, func(c *pusherhttp.Client) error {
		params := pusherhttp.ChannelsParams{Info: info(attributes)}
		if prefix != "" {
			params.FilterByPrefix = &prefix
		}
		_, err := c.Channels(params)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := make([]ChannelInfo, 0, len(answer.Channels))
	for name, state := range answer.Channels {
		state.Occupied = true // or it would not be listed
		list = append(list, state.info(name))
	}
	slices.SortFunc(list, func(a, b ChannelInfo) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Channel returns the state of one channel. A channel without subscribers is
// not an error. [UserCount] can be requested for presence channels only.
func (d *Driver) Channel(ctx context.Context, ch channel.Channel, attributes ...Attribute) (ChannelInfo, error) {
	if err := d.checkQueried(ch); err != nil {
		return ChannelInfo{}, err
	}
	if slices.Contains(attributes, UserCount) && ch.Kind() != channel.KindPresence {
		return ChannelInfo{}, fmt.Errorf("pusher: the channel %q has no user count, as it is not a presence channel", ch)
	}
	var answer channelState
	err := d.query(ctx, &answer, func(c *pusherhttp.Client) error {
		_, err := c.Channel(ch.String(), pusherhttp.ChannelParams{Info: info(attributes)})
		return err
	})
	if err != nil {
		return ChannelInfo{}, err
	}
	return answer.info(ch.String()), nil
}

// Users returns the ids of a presence channel's members, in the order in which
// the service lists them. If a service writes an id as a number, Users returns
// its digits.
func (d *Driver) Users(ctx context.Context, ch channel.Channel) ([]string, error) {
	if err := d.checkQueried(ch); err != nil {
		return nil, err
	}
	if ch.Kind() != channel.KindPresence {
		return nil, fmt.Errorf("pusher: the channel %q has no members, as it is not a presence channel", ch)
	}
	var answer struct {
		Users []struct {
			ID looseString `json:"id"`
		} `json:"users"`
	}
	err := d.query(ctx, &answer, func(c *pusherhttp.Client) error {
		_, err := c.GetChannelUsers(ch.String())
		return err
	})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(answer.Users))
	for i, u := range answer.Users {
		ids[i] = string(u.ID)
	}
	return ids, nil
}

// TerminateUser closes every connection on which the user with the given id has
// signed in. It is not an error if there are none.
func (d *Driver) TerminateUser(ctx context.Context, id string) error {
	if err := channel.User(id).Validate(); err != nil || strings.Trim(id, ".") == "" {
		return fmt.Errorf("pusher: the user id %.100q is empty or has characters that channel names cannot have", id)
	}
	return d.post(ctx, "", "/users/"+id+"/terminate_connections", []byte("{}"))
}

// Ping checks that the service answers and accepts the app and its credentials.
// It does so by querying the state of an unused channel.
func (d *Driver) Ping(ctx context.Context) error {
	_, err := d.Channel(ctx, channel.Public("onair-ping"))
	return err
}

// query makes a request whose answer may be long.
func (d *Driver) query(ctx context.Context, answer any, send func(*pusherhttp.Client) error) error {
	return d.do(ctx, &exchange{limit: maxQueryAnswer}, answer, send)
}

func (d *Driver) checkQueried(ch channel.Channel) error {
	if err := ch.Validate(); err != nil {
		return fmt.Errorf("pusher: %w", err)
	}
	if ch.Kind() == channel.KindUser {
		return fmt.Errorf("pusher: the channel %q is a user's own, which can be published to but not queried", ch)
	}
	return nil
}

func info(attributes []Attribute) *string {
	if len(attributes) == 0 {
		return nil
	}
	names := make([]string, len(attributes))
	for i, a := range attributes {
		names[i] = string(a)
	}
	joined := strings.Join(names, ",")
	return &joined
}

// channelState is the state of a channel as an answer contains it.
type channelState struct {
	Occupied          bool `json:"occupied"`
	UserCount         int  `json:"user_count"`
	SubscriptionCount int  `json:"subscription_count"`
	Cache             *struct {
		Data string `json:"data"`
		TTL  int64  `json:"ttl"` // seconds
	} `json:"cache"`
}

func (s channelState) info(name string) ChannelInfo {
	i := ChannelInfo{Name: name, Occupied: s.Occupied, UserCount: s.UserCount, SubscriptionCount: s.SubscriptionCount}
	if s.Cache != nil {
		i.Cached = &CachedEvent{Data: s.Cache.Data, TTL: time.Duration(s.Cache.TTL) * time.Second}
	}
	return i
}

// channelList decodes a JSON object of channels. It and each state in it can be
// an empty array instead, which some services written in PHP send for an empty
// object.
type channelList map[string]channelState

func (l *channelList) UnmarshalJSON(data []byte) error {
	if isEmptyArray(data) {
		return nil
	}
	var states map[string]json.RawMessage
	if err := json.Unmarshal(data, &states); err != nil {
		return err
	}
	*l = make(channelList, len(states))
	for name, raw := range states {
		var state channelState
		if !isEmptyArray(raw) {
			if err := json.Unmarshal(raw, &state); err != nil {
				return err
			}
		}
		(*l)[name] = state
	}
	return nil
}

func isEmptyArray(data []byte) bool { return bytes.Equal(bytes.TrimSpace(data), []byte("[]")) }

// looseString decodes a JSON string, the digits of a number, or null, which is
// the empty string.
type looseString string

func (s *looseString) UnmarshalJSON(data []byte) error {
	var v any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
	case string:
		*s = looseString(v)
	case json.Number:
		*s = looseString(v)
	default:
		return errors.New("neither a string nor a number")
	}
	return nil
}
