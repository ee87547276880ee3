package pusher_test

import (
	"fmt"
	"strings"
)

// dispatchNone says why a row does not apply.
var dispatchNone = map[string]string{
	"notification: notifiable row is gone when the job runs: dropped without an error (deleteWhenMissingModels)": "events are encoded at dispatch, so no row of a database is read again afterwards",
	"model: withoutBroadcasting": "there is no ORM to keep quiet: a change is told when it is dispatched",
}

const (
	badHeader   = "a header that is no socket id must not fail the request: it is ignored and logged"
	oneEach     = "an encrypted event is sealed for its channel alone, so each channel gets one of its own"
	atOnceCheck = "all names are checked before the first request"
)

// dispatchDifferences are the rows in which ours does otherwise on purpose.
var dispatchDifferences = map[string]difference{
	"default name is the class, payload is the public properties": {
		reason: "a struct has no static fields",
		bodies: []string{`{"name":"App\\Events\\OrderShipped","data":"{\"orderId\":15,\"total\":\"9.90\",\"note\":null}","channels":["orders"]}`},
	},
	"property types": {
		reason: "time.Time and Arrayable have no PHP shape: a time is RFC 3339, anything else encodes itself; the other types agree",
		bodies: []string{`{"name":"App\\Events\\PropTypes","data":"{\"null\":null,\"true\":true,\"int\":1,\"float\":1,\"half\":0.5,\"string\":\"é/<&>'\\\"\",\"list\":[1,2],\"emptyList\":[],\"map\":{\"a\":1},\"nested\":{\"k\":[1]},\"object\":{\"x\":2},\"jsonSerializable\":{\"j\":1},\"enum\":\"red\"}","channels":["c"]}`},
	},
	"broadcastAs empty string": {
		reason: "nobody can listen to an empty name; it asks for the default",
		bodies: []string{`{"name":"App\\Events\\Named","data":"{\"id\":1}","channels":["orders"]}`},
	},
	"broadcastAs pusher: prefix is not checked": {
		reason: "the protocol keeps the prefix for itself",
		err:    "keeps for its own events",
	},
	"payload 12 kB is not checked": {
		reason: "the service would refuse it, so it is refused at dispatch with the largest fields",
		err:    "payload too large",
	},
	"payload invalid UTF-8, sent now": {
		reason: "encoding/json replaces the bytes, as documented",
		bodies: []string{`{"name":"n","data":"{\"s\":\"\ufffd\"}","channels":["orders"]}`},
	},
	"private object given an already prefixed name": {
		reason: "Echo adds the prefix itself, so nobody would listen",
		err:    "has a prefix of its own",
	},
	"invalid name in the second hundred: the first hundred is already sent": {reason: atOnceCheck, err: `"a b"`},

	"toOthers with an empty header":                  {reason: badHeader, bodies: []string{`{"name":"n","data":"{\"id\":1}","channels":["orders"]}`}},
	"toOthers with a header that is no socket id":    {reason: badHeader, bodies: []string{`{"name":"n","data":"{\"id\":1}","channels":["orders"]}`}},
	"toOthers with a splice in the header":           {reason: badHeader, bodies: []string{`{"name":"n","data":"{\"id\":1}","channels":["orders"]}`}},
	"toOthers with the word undefined in the header": {reason: badHeader, bodies: []string{`{"name":"n","data":"{\"id\":1}","channels":["orders"]}`}},
	"toOthers on an event without InteractsWithSockets has no effect": {
		reason: "leaving out a connection works for every event",
		bodies: []string{`{"name":"App\\Events\\NoSocketsTrait","data":"{\"a\":1}","channels":["orders"],"socket_id":"1234.5678"}`},
	},
	"notification: toOthers is not possible (no InteractsWithSockets)": {
		reason: "leaving out a connection works for every event",
		bodies: []string{`{"name":"Illuminate\\Notifications\\Events\\BroadcastNotificationCreated","data":"{\"invoice_id\":5,\"amount\":\"12.50\",\"id\":\"00000000-0000-4000-8000-000000000001\",\"type\":\"App\\\\Notifications\\\\InvoicePaid\"}","channels":["private-App.Models.User.7"],"socket_id":"1.2"}`},
	},
	"notification: neither toBroadcast nor toArray": {
		reason: "a notification without data is its id and type",
		bodies: []string{`{"name":"Illuminate\\Notifications\\Events\\BroadcastNotificationCreated","data":"{\"id\":\"00000000-0000-4000-8000-000000000001\",\"type\":\"App\\\\Notifications\\\\NoData\"}","channels":["private-App.Models.User.7"]}`},
	},

	"encrypted: two channels go out under the key of the first": {
		reason: oneEach, bodies: encryptedBatches("orders.", 2),
	},
	"encrypted: 101 channels": {
		reason: oneEach, bodies: append(encryptedBatches("c.", 100), plainItem("private-encrypted-c.101")),
	},
	"encrypted and plain mixed": {
		reason: "an event may go to both: the plain channels share a request, and the encrypted one gets its own",
		bodies: []string{`{"batch":[` + plainItem("private-orders.2") + `,` + plainItem("private-encrypted-orders.1") + `]}`},
	},

	"payload key that equals the connection name is taken as the payload": {
		reason: "a payload for one connection is a field of event.Connection, so no key of the data means anything",
		bodies: []string{`{"name":"n","data":"{\"id\":1,\"pusher\":{\"x\":1}}","channels":["c"]}`},
	},
	"anonymous: as 0 falls back": {
		reason: "0 is falsy in PHP only",
		bodies: []string{`{"name":"0","data":"{}","channels":["orders.1"]}`},
	},

	"service answers 202": {
		reason: "any 2xx with a JSON object is success",
		bodies: []string{`{"name":"n","data":"{\"id\":1}","channels":["orders"]}`},
	},
	"config: path": {
		reason: "the service is mounted below the path, so it belongs to the URL",
		base:   "/base/apps/1001",
		bodies: []string{`{"name":"n","data":"{\"id\":1}","channels":["orders"]}`},
	},
	"config: nothing":      {reason: "an app lives in one cluster, and a guess would be silent", err: "missing Cluster"},
	"config: cluster null": {reason: "a host that cannot exist is an error at start", err: "missing Cluster"},
}

func plainItem(on string) string {
	return fmt.Sprintf(`{"name":"order.shipped","data":"{\"id\":1}","channels":[%q]}`, on)
}

// encryptedBatches are the bodies of n encrypted channels, ten in each.
func encryptedBatches(name string, n int) []string {
	var bodies []string
	for start := 1; start <= n; start += 10 {
		var items []string
		for i := start; i < min(start+10, n+1); i++ {
			items = append(items, plainItem(fmt.Sprintf("private-encrypted-%s%d", name, i)))
		}
		bodies = append(bodies, `{"batch":[`+strings.Join(items, ",")+`]}`)
	}
	return bodies
}
