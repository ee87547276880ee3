package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	pusher "github.com/pusher/pusher-http-go/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The numbers are those of the acceptance list for a server of the Pusher
// protocol.

const masterKey = "TO7HtFuTOdBKLFv8ZgRKdX8ah6TkGJfMHP4TUTkmE2g="

// Every call of pusher-http-go, and what the subscribers hear of it.
func TestAcceptance47GoSDK(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	client := pusher.Client{AppID: "1", Key: "k", Secret: "s", Host: "api.test", HTTPClient: a.client, EncryptionMasterKeyBase64: masterKey}
	sub := a.subscribe("a", "b", "presence-room", "private-encrypted-note")
	info, presence, userCount := "user_count,subscription_count", "presence-", "user_count"

	require.NoError(t, client.Trigger("a", "e1", map[string]string{"x": "<&>"}))
	sub.hears("e1", "a", `{"x":"\u003c\u0026\u003e"}`) // as the SDK escapes
	require.NoError(t, client.Trigger("a", "e1", ""))
	sub.hears("e1", "a", ``)
	require.NoError(t, client.TriggerMulti([]string{"a", "b"}, "e2", "text"))
	sub.hears("e2", "a", "text")
	sub.hears("e2", "b", "text")
	//lint:ignore SA1019 every call is made
	require.NoError(t, client.TriggerExclusive("a", "e3", "x", sub.socketID))
	//lint:ignore SA1019 every call is made
	require.NoError(t, client.TriggerMultiExclusive([]string{"a", "b"}, "e3", "x", sub.socketID))
	sub.hearsNothing(a, "a", "b")

	one, err := client.TriggerWithParams("presence-room", "e4", 1, pusher.TriggerParams{Info: &info})
	require.NoError(t, err)
	assert.Equal(t, `{"channels":{"presence-room":{"user_count":1,"subscription_count":1}}}`, jsonText(t, one))
	sub.hears("e4", "presence-room", "1")
	several, err := client.TriggerMultiWithParams([]string{"a", "c", "presence-x"}, "e5", "x", pusher.TriggerParams{Info: &info, SocketID: &sub.socketID})
	require.NoError(t, err)
	assert.Equal(t, `{"channels":{"a":{"subscription_count":1},"c":{"subscription_count":0},"presence-x":{"user_count":0,"subscription_count":0}}}`, jsonText(t, several))

	batch, err := client.TriggerBatch([]pusher.Event{{Channel: "a", Name: "e6", Data: "1"}, {Channel: "b", Name: "e7", Data: "2", SocketID: &sub.socketID}})
	require.NoError(t, err)
	assert.Empty(t, batch.Batch)
	sub.hears("e6", "a", "1")
	batch, err = client.TriggerBatch([]pusher.Event{{Channel: "a", Name: "e8", Data: "1"}, {Channel: "presence-room", Name: "e9", Data: "2", Info: &info}})
	require.NoError(t, err)
	assert.Equal(t, `[{},{"user_count":1,"subscription_count":1}]`, jsonText(t, batch.Batch))
	sub.hears("e8", "a", "1")
	sub.hears("e9", "presence-room", "2")

	require.NoError(t, client.Trigger("private-encrypted-note", "e10", "sealed"))
	var box struct{ Nonce, Ciphertext string }
	require.NoError(t, json.Unmarshal([]byte(sub.next().data(t)), &box))
	assert.NotEmpty(t, box.Ciphertext)
	sub.signIn(`{"id":"7"}`)
	sub.subscribe("#server-to-user-7")
	require.NoError(t, client.SendToUser("7", "e11", "x"))
	sub.hears("e11", "#server-to-user-7", "x")

	list, err := client.Channels(pusher.ChannelsParams{})
	require.NoError(t, err)
	assert.Len(t, list.Channels, 4)
	list, err = client.Channels(pusher.ChannelsParams{FilterByPrefix: &presence, Info: &userCount})
	require.NoError(t, err)
	assert.Equal(t, map[string]pusher.ChannelListItem{"presence-room": {UserCount: 1}}, list.Channels)
	state, err := client.Channel("presence-room", pusher.ChannelParams{Info: &info})
	require.NoError(t, err)
	assert.Equal(t, &pusher.Channel{Name: "presence-room", Occupied: true, UserCount: 1, SubscriptionCount: 1}, state)
	users, err := client.GetChannelUsers("presence-room")
	require.NoError(t, err)
	assert.Equal(t, []pusher.User{{ID: "u"}}, users.List)
	_, err = client.GetChannelUsers("a")
	assert.ErrorContains(t, err, "Status Code: 400")
	sub.hearsNothing(a, "a", "b", "presence-room")
}

// php sends a request as pusher-http-php does: parameters sorted, the query
// escaped, the signature last.
func (a *api) php(t *testing.T, method, path, body string, params ...string) answer {
	t.Helper()
	q := query{{"auth_key", "k"}, {"auth_timestamp", seconds(time.Now())}, {"auth_version", "1.0"}}
	if body != "" {
		q = append(q, [2]string{"body_md5", md5Hex([]byte(body))})
	}
	for i := 0; i < len(params); i += 2 {
		q = append(q, [2]string{params[i], params[i+1]})
	}
	return a.send(t, method, path, q.signed("s", method, path).escaped(), []byte(body),
		"Content-Type", "application/json", "X-Pusher-Library", "pusher-http-php 7.2.6")
}

func TestAcceptance47PHPRequests(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("my-channel", "presence-x")
	a.php(t, "POST", "/apps/1/events", `{"name":"my_event","data":"{\"a\":1}","channel":"my-channel"}`).ok(t, `{}`)
	sub.hears("my_event", "my-channel", `{"a":1}`)
	a.php(t, "POST", "/apps/1/events", `{"name":"my_event","data":"{\"test\":1}","channels":["my-channel","presence-my-channel"],"info":"user_count,subscription_count"}`).
		ok(t, `{"channels":{"my-channel":{"subscription_count":1},"presence-my-channel":{"user_count":0,"subscription_count":0}}}`)
	sub.hears("my_event", "my-channel", `{"test":1}`)
	a.php(t, "POST", "/apps/1/events", `{"name":"my_event","data":"`+strings.Repeat("a", 11*1024)+`","channel":"my-channel"}`).refused(t, 413)
	a.php(t, "GET", "/apps/1/channels", "", "filter_by_prefix", "presence-", "info", "user_count,subscription_count").
		ok(t, `{"channels":{"presence-x":{"user_count":1,"subscription_count":1}}}`)
	a.php(t, "GET", "/apps/1/channels", "").ok(t, `{"channels":{"my-channel":{},"presence-x":{}}}`)
	a.php(t, "GET", "/apps/1/channels", "", "filter_by_prefix", "__fish").ok(t, `{"channels":{}}`)
	a.php(t, "GET", "/apps/1/channels", "", "filter_by_prefix", "test_", "info", "user_count").refused(t, 400, "presence-")
	a.php(t, "GET", "/apps/1/channels/channel-test", "").ok(t, `{"occupied":false}`)
	a.php(t, "GET", "/apps/1/channels/presence-channel-test/users", "").ok(t, `{"users":[]}`)
	a.php(t, "POST", "/apps/1/users/7/terminate_connections", `{}`).ok(t, `{}`)
	sub.hearsNothing(a, "my-channel")
}

// python sends a request as pusher-http-python does: all parameters sorted, the
// signature too, nothing escaped, and a digest even without a body.
func (a *api) python(t *testing.T, method, path, body string, params ...string) answer {
	t.Helper()
	q := query{{"auth_key", "k"}, {"auth_timestamp", seconds(time.Now())}, {"auth_version", "1.0"}, {"body_md5", md5Hex([]byte(body))}}
	for i := 0; i < len(params); i += 2 {
		q = append(q, [2]string{params[i], params[i+1]})
	}
	q = q.signed("s", method, path)
	signature := q[len(q)-1]
	q = append(query{q[0], signature}, q[1:len(q)-1]...)
	return a.send(t, method, path, q.raw(), []byte(body), "X-Pusher-Library", "pusher-http-python 3.3.2")
}

func TestAcceptance47PythonRequests(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("presence-a")
	a.python(t, "POST", "/apps/1/events", `{"name": "e", "channels": ["presence-a"], "data": "{\"a\": \"\\u00e9\"}"}`).ok(t, `{}`)
	sub.hears("e", "presence-a", `{"a": "\u00e9"}`)
	a.python(t, "POST", "/apps/1/batch_events", `{"batch": [{"channel": "presence-a", "name": "e", "data": "x"}]}`).ok(t, `{}`)
	sub.hears("e", "presence-a", "x")
	a.python(t, "GET", "/apps/1/channels", "", "filter_by_prefix", "presence-", "info", "user_count").ok(t, `{"channels":{"presence-a":{"user_count":1}}}`)
	a.python(t, "GET", "/apps/1/channels/presence-a", "", "info", "user_count").ok(t, `{"occupied":true,"user_count":1}`)
	a.python(t, "GET", "/apps/1/channels/presence-a/users", "").ok(t, `{"users":[{"id":"u"}]}`)
}

func TestAcceptance48Authentication(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("news")
	const path, body = "/apps/1/events", `{"name":"e","channel":"news","data":""}`
	now := time.Now()
	q := query{{"auth_key", "k"}, {"auth_timestamp", seconds(now)}, {"auth_version", "1.0"}, {"body_md5", md5Hex([]byte(body))}}
	send := func(rawQuery string) answer { return a.send(t, "POST", path, rawQuery, []byte(body)) }

	send(q.set("body_md5", md5Hex([]byte("{}"))).signed("s", "POST", path).raw()).refused(t, 401, "body_md5 does not match")
	send(q.set("auth_timestamp", seconds(now.Add(-610*time.Second))).signed("s", "POST", path).raw()).refused(t, 401, "clock")
	send(q.set("auth_timestamp", seconds(now.Add(620*time.Second))).signed("s", "POST", path).raw()).refused(t, 401, "clock")
	send(q.signed("s", "POST", path).set("extra", "1").raw()).refused(t, 401, "auth_signature")
	sub.hearsNothing(a, "news")

	send("").refused(t, 401, "auth_key is missing")
	send(q.without("auth_key").signed("s", "POST", path).raw()).refused(t, 401, "auth_key is missing")
	send(q.without("auth_timestamp").signed("s", "POST", path).raw()).refused(t, 401, "auth_timestamp")
	send(q.set("auth_version", "2.0").signed("s", "POST", path).raw()).refused(t, 401, "auth_version")
	send(q.set("info[]", "x").signed("s", "POST", path).raw()).refused(t, 400, "array")
	send(q.without("body_md5").signed("s", "POST", path).raw()).refused(t, 401, "body_md5 is missing")
	send(strings.Repeat("a=b&", 5_000)).refused(t, 414, "query")
	sub.hearsNothing(a, "news")

	extra := q.set("extra", "a b/c?d@e,f").signed("s", "POST", path)
	send(extra.escaped()).ok(t, `{}`)
	sub.hears("e", "news", "")
	send(q.set("extra", "a/c?d@e,f;g=h").signed("s", "POST", path).raw()).ok(t, `{}`)
	sub.hears("e", "news", "")
	send(q.signed("s", "POST", path).escaped()).ok(t, `{}`)
	sub.hears("e", "news", "")
}

func TestAcceptance49TerminateAlias(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe()
	sub.signIn(`{"id":"7"}`)
	a.python(t, "POST", "/users/7/terminate_connections", `{}`).ok(t, `{}`)
	sub.closed(4009)
}

func TestAcceptance50DataLimit(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("news")
	event := func(size int) string {
		return `{"name":"e","channel":"news","data":"` + strings.Repeat("é", size/2) + strings.Repeat("x", size%2) + `"}`
	}
	a.post(t, "/events", event(10_240)).ok(t, `{}`)
	sub.hears("e", "news", strings.Repeat("é", 5_120))
	a.post(t, "/events", event(10_241)).refused(t, 413, "content of this event", "10241", "10240")
	a.post(t, "/batch_events", `{"batch":[`+event(10_240)+`]}`).ok(t, `{}`)
	sub.hears("e", "news", strings.Repeat("é", 5_120))
	a.post(t, "/batch_events", `{"batch":[`+event(10_240)+`,`+event(10_241)+`]}`).refused(t, 413, "event 1 ", "content of this event")
	escaped := `{"name":"e","channel":"news","data":"` + strings.Repeat(`\u0041`, 10_240) + `"}`
	a.post(t, "/events", escaped).ok(t, `{}`)
	sub.hears("e", "news", strings.Repeat("A", 10_240))
	a.post(t, "/events", event(1<<20)).refused(t, 413, "content of this event")
	sub.hearsNothing(a, "news")
}

func TestAcceptance51Counts(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("c0", "c99")
	event := func(n int) string {
		return `{"name":"e","data":"","channels":` + jsonText(t, numbered("c%d", n)) + `}`
	}
	a.post(t, "/events", event(100)).ok(t, `{}`)
	sub.hears("e", "c0", "")
	sub.hears("e", "c99", "")
	a.post(t, "/events", event(101)).refused(t, 400, "101", "100")
	batch := func(n int) string {
		events := make([]string, n)
		for i := range events {
			events[i] = fmt.Sprintf(`{"name":"e%d","channel":"c0","data":""}`, i)
		}
		return `{"batch":[` + strings.Join(events, ",") + `]}`
	}
	a.post(t, "/batch_events", batch(10)).ok(t, `{}`)
	for i := range 10 {
		sub.hears(fmt.Sprint("e", i), "c0", "")
	}
	a.post(t, "/batch_events", batch(11)).refused(t, 400, "Batch too large")
	sub.hearsNothing(a, "c0", "c99")
}

func TestAcceptance52BatchAnswer(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.subscribe("a")
	a.post(t, "/batch_events", `{"batch":[{"name":"e","channel":"a","data":""}]}`).ok(t, `{}`)
	a.post(t, "/batch_events", `{"batch":[{"name":"e","channel":"a","data":"","info":""}]}`).ok(t, `{}`)
	a.post(t, "/events", `{"name":"e","channel":"a","data":"","info":""}`).ok(t, `{}`)
	a.post(t, "/events", `{"name":"e","channel":"a","data":"","info":"nonsense"}`).ok(t, `{"channels":{"a":{}}}`)
	a.post(t, "/batch_events", `{"batch":[{"name":"e","channel":"a","data":"","info":"subscription_count"},{"name":"e","channel":"b","data":""},{"name":"e","channel":"presence-c","data":"","info":"user_count,subscription_count"},{"name":"e","channel":"a","data":"","info":"user_count,nonsense"}]}`).
		ok(t, `{"batch":[{"subscription_count":1},{},{"user_count":0,"subscription_count":0},{}]}`)
}

func TestAcceptance53UserCount(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.subscribe("presence-a", "presence-cache-b", "news", "private-c")
	a.subscribe("presence-a") // the same user
	a.get(t, "/channels/presence-a", "info", "user_count").ok(t, `{"occupied":true,"user_count":1}`)
	a.get(t, "/channels/presence-a", "info", "subscription_count,user_count").ok(t, `{"occupied":true,"user_count":1,"subscription_count":2}`)
	a.get(t, "/channels/news", "info", "user_count").refused(t, 400, "not a presence channel")
	a.get(t, "/channels/news", "info", "subscription_count").ok(t, `{"occupied":true,"subscription_count":1}`)
	a.get(t, "/channels/news", "info", "colour").refused(t, 400, `"colour"`)
	a.get(t, "/channels", "info", "user_count").refused(t, 400, "filter_by_prefix=presence-")
	a.get(t, "/channels", "info", "user_count", "filter_by_prefix", "p").refused(t, 400)
	a.get(t, "/channels", "info", "user_count", "filter_by_prefix", "private-").refused(t, 400)
	a.get(t, "/channels", "info", "colour").refused(t, 400, `"colour"`)
	a.get(t, "/channels", "info", "user_count", "filter_by_prefix", "presence-").ok(t, `{"channels":{"presence-a":{"user_count":1},"presence-cache-b":{"user_count":1}}}`)
	a.get(t, "/channels", "info", "user_count", "filter_by_prefix", "presence-c").ok(t, `{"channels":{"presence-cache-b":{"user_count":1}}}`)
	a.get(t, "/channels", "info", "subscription_count").ok(t, `{"channels":{"news":{"subscription_count":1},"presence-a":{"subscription_count":2},"presence-cache-b":{"subscription_count":1},"private-c":{"subscription_count":1}}}`)
	a.get(t, "/channels/presence-a/users").ok(t, `{"users":[{"id":"u"}]}`)
	for _, ch := range []string{"news", "private-c", "private-encrypted-d", "cache-e"} {
		a.get(t, "/channels/"+ch+"/users").refused(t, 400, "not a presence channel")
	}
}

func TestAcceptance54UnoccupiedChannel(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.get(t, "/channels").ok(t, `{"channels":{}}`)
	a.get(t, "/channels/news").ok(t, `{"occupied":false}`)
	a.get(t, "/channels/presence-a", "info", "user_count,subscription_count").ok(t, `{"occupied":false,"user_count":0,"subscription_count":0}`)
	a.get(t, "/channels/presence-a/users").ok(t, `{"users":[]}`)
	for _, call := range []string{"", "/users", "/stats"} {
		a.get(t, "/channels/bad%20name"+call).refused(t, 400, `"bad name"`)
	}
	a.get(t, "/channels/"+strings.Repeat("c", 201)).refused(t, 400, "limit is 200")
}
