package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/onairgo/onair/channel"
)

// channelInfo is the set of attributes that a request asks for.
type channelInfo uint8

const (
	infoUserCount channelInfo = 1 << iota
	infoSubscriptionCount
	infoCache
)

// parseChannelInfo reads a comma-separated list of attributes. It returns the
// ones it knows and the first that it does not.
func parseChannelInfo(list string) (info channelInfo, unknown string) {
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); name {
		case "":
		case "user_count":
			info |= infoUserCount
		case "subscription_count":
			info |= infoSubscriptionCount
		case "cache":
			info |= infoCache
		default:
			if unknown == "" {
				unknown = name
			}
		}
	}
	return info, unknown
}

// channelAttributes are those counts of a channel that a request asked for.
type channelAttributes struct {
	UserCount         *int `json:"user_count,omitempty"`
	SubscriptionCount *int `json:"subscription_count,omitempty"`
}

// attributes returns those counts that were asked for and that the kind of
// channel has.
func (info channelInfo) attributes(ch channel.Channel, o occupancy) (a channelAttributes) {
	if info&infoUserCount != 0 && ch.Kind() == channel.KindPresence {
		a.UserCount = &o.users
	}
	if info&infoSubscriptionCount != 0 {
		a.SubscriptionCount = &o.subscriptions
	}
	return a
}

// channels answers with the occupied channels.
func (c *apiCall) channels(context.Context) (apiAnswer, error) {
	prefix := c.query["filter_by_prefix"]
	info, unknown := parseChannelInfo(c.query["info"])
	switch {
	case unknown != "":
		return apiAnswer{}, badRequest("info has the unknown attribute %s; a list of channels has user_count and subscription_count", quoted(unknown))
	case info&infoCache != 0:
		return apiAnswer{}, badRequest("info has the attribute cache, which only a request for a single channel answers")
	case info&infoUserCount != 0 && !strings.HasPrefix(prefix, "presence-"):
		return apiAnswer{}, badRequest("info has the attribute user_count, which only presence channels have; add filter_by_prefix=presence-")
	}
	found := make(map[string]channelAttributes)
	for ch, o := range c.app.occupied(prefix) {
		found[ch.String()] = info.attributes(ch, o)
	}
	return jsonAnswer(http.StatusOK, struct {
		Channels map[string]channelAttributes `json:"channels"`
	}{found}), nil
}

// cacheState is the last event of a cache channel.
type cacheState struct {
	Data string `json:"data"`
	TTL  int64  `json:"ttl"` // seconds
}

// channelState answers with the state of one channel, occupied or not.
func (c *apiCall) channelState(context.Context) (apiAnswer, error) {
	ch, err := c.askedChannel()
	if err != nil {
		return apiAnswer{}, err
	}
	info, unknown := parseChannelInfo(c.query["info"])
	switch {
	case unknown != "":
		return apiAnswer{}, badRequest("info has the unknown attribute %s; a channel has user_count, subscription_count and cache", quoted(unknown))
	case info&infoUserCount != 0 && ch.Kind() != channel.KindPresence:
		return apiAnswer{}, badRequest("info has the attribute user_count, but %s is not a presence channel", quoted(ch.String()))
	case info&infoCache != 0 && !ch.IsCached():
		return apiAnswer{}, badRequest("info has the attribute cache, but %s is not a cache channel", quoted(ch.String()))
	}
	o := c.app.occupancy(ch)
	state := struct {
		Occupied bool `json:"occupied"`
		channelAttributes
		Cache json.RawMessage `json:"cache,omitempty"`
	}{Occupied: o.occupied(), channelAttributes: info.attributes(ch, o)}
	if info&infoCache != 0 {
		state.Cache = json.RawMessage("null")
		if data, ttl, ok := c.app.cached(ch); ok {
			state.Cache = jsonAnswer(0, cacheState{data, int64((ttl + time.Second - 1) / time.Second)}).body
		}
	}
	return jsonAnswer(http.StatusOK, state), nil
}

// channelStats answers the deprecated predecessor of the channelState call.
func (c *apiCall) channelStats(context.Context) (apiAnswer, error) {
	ch, err := c.askedChannel()
	if err != nil {
		return apiAnswer{}, err
	}
	o := c.app.occupancy(ch)
	return jsonAnswer(http.StatusOK, struct {
		Occupied bool `json:"occupied"`
		channelAttributes
	}{o.occupied(), infoUserCount.attributes(ch, o)}), nil
}

// channelUsers answers with the members of a presence channel.
func (c *apiCall) channelUsers(context.Context) (apiAnswer, error) {
	ch, err := c.askedChannel()
	if err != nil {
		return apiAnswer{}, err
	}
	if ch.Kind() != channel.KindPresence {
		return apiAnswer{}, badRequest("%s is not a presence channel; only those know their users", quoted(ch.String()))
	}
	type user struct {
		ID string `json:"id"`
	}
	users := []user{} // an array even when empty
	for _, id := range c.app.users(ch) {
		users = append(users, user{id})
	}
	return jsonAnswer(http.StatusOK, struct {
		Users []user `json:"users"`
	}{users}), nil
}

// askedChannel reads the channel in the path. It refuses the channels of users,
// which are not shown to anybody.
func (c *apiCall) askedChannel() (channel.Channel, error) {
	ch, err := parseChannel(c.channel, c.app.server.limits)
	if err == nil && ch.Kind() == channel.KindUser {
		err = badRequest("%s is a user's own channel, which can be published to but not asked about", quoted(c.channel))
	}
	return ch, err
}
