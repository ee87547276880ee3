package broadcasttest_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/model"
	"github.com/onairgo/onair/event/notification"
)

// on is what the events below have in common.
type on struct{}

func (on) BroadcastOn() []channel.Channel { return []channel.Channel{channel.Public("c")} }
func (on) BroadcastAs() string            { return "e" }

type (
	castWith   struct{ on }
	castsWhen  struct{ on }
	rescu      struct{ on }
	byPointer  struct{ on }
	queue      struct{ on }
	via        struct{ on }
	toOthers   struct{ on }
	toData     struct{ on }
	wrong      struct{ on }
	innocent   struct{ on }
	complete   struct{ on }
	refuses    struct{ on }
	never      struct{ on }
	nowhere    struct{}
	badChannel struct{}
	reserved   struct{ on }
	whisper    struct{ on }
	secretive  struct{ name string }
	large      struct {
		on
		Body string `json:"body"`
	}
	sealed struct {
		Body string `json:"body"`
	}
	cyclic struct {
		on
		Next any `json:"next"`
	}
)

func (castWith) BroadCastWith() any                       { return nil }
func (castsWhen) BroadcastsWhen() bool                    { return true }
func (rescu) ShouldRescu() bool                           { return true }
func (*byPointer) BroadcastWihth() any                    { return nil }
func (queue) BroadcastQueue() string                      { return "high" }
func (via) BroadcastVia() string                          { return "second" }
func (toOthers) DontBroadcastToCurrentUser()              {}
func (toData) ToBroadcast() any                           { return nil }
func (wrong) BroadcastWhen() int                          { return 1 }
func (innocent) BroadcastedAt() time.Time                 { return time.Time{} }
func (innocent) Title() string                            { return "" }
func (innocent) With() any                                { return nil }
func (complete) BroadcastWith() any                       { return map[string]any{"a": 1} }
func (complete) BroadcastWhen() bool                      { return true }
func (complete) BroadcastConnections() []event.Connection { return event.Via("any", "") }
func (complete) ShouldRescue() bool                       { return true }
func (complete) ValidateBroadcast() error                 { return nil }
func (refuses) ValidateBroadcast() error                  { return errors.New("no id") }
func (never) BroadcastWhen() bool                         { return false }
func (nowhere) BroadcastOn() []channel.Channel            { return nil }
func (nowhere) BroadcastAs() string                       { return "e" }
func (badChannel) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Private("mentor.")}
}
func (badChannel) BroadcastAs() string           { return "e" }
func (reserved) BroadcastAs() string             { return "pusher:x" }
func (whisper) BroadcastAs() string              { return "client-typing" }
func (secretive) BroadcastOn() []channel.Channel { return on{}.BroadcastOn() }
func (s secretive) BroadcastAs() string          { return "e" + s.name }
func (sealed) BroadcastOn() []channel.Channel    { return []channel.Channel{channel.Encrypted("c")} }
func (sealed) BroadcastAs() string               { return "e" }

type goCased struct {
	on
	SessionID  string
	Named      string    `json:"named"`
	Omitted    string    `json:",omitempty"`
	Off        string    `json:"-"`
	OffToo     hidden    `json:"-"`
	At         time.Time `json:"at"`
	HTTPServer *inner    `json:"server"`
	List       []element `json:"list"`
	ByName     map[string]*element2
	promoted
	Raw json.RawMessage `json:"raw"`
}

type (
	hidden   struct{ Inside int }
	inner    struct{ Port int }
	element  struct{ Price int }
	element2 struct{ A, B int }
	promoted struct{ FromEmbedded int }
	tree     map[string]tree
	user     struct{}
	invoice  struct{ Amount string }
	misspelt struct {
		Amount string `json:"amount"`
	}
)

func (user) ReceivesBroadcastNotificationsOn() []channel.Channel { return on{}.BroadcastOn() }
func (misspelt) BroadcastTyp() string                            { return "x" }

func TestCheckEvent(t *testing.T) {
	t.Parallel()
	const post model.Class = "App.Models.Post"
	loop := map[string]any{}
	loop["self"] = loop
	for _, test := range []struct {
		name string
		e    event.Event
		want []string // one report for each; none means that all is well
	}{
		{name: "a good one", e: started{SessionID: "9", MentorID: "1"}},
		{name: "all optional methods", e: complete{}},
		{name: "methods of its own", e: innocent{}},
		{name: "ad hoc", e: event.Of("e", map[string]any{"A": 1}, channel.Public("c"))},
		{name: "recursive type", e: event.Of("e", tree{"a": {"b": nil}}, channel.Public("c"))},
		{name: "model", e: post.Created(1, map[string]any{"id": 1})},
		{name: "notification", e: notification.To(user{}, struct{ notice }{})},

		{name: "nil", e: nil, want: []string{"event: the event is nil"}},
		{name: "nil pointer", e: (*started)(nil), want: []string{"event: the event is nil"}},
		{name: "BroadCastWith", e: castWith{}, want: []string{"nobody calls the method BroadCastWith; did you mean BroadcastWith?"}},
		{name: "BroadcastsWhen", e: castsWhen{}, want: []string{"did you mean BroadcastWhen?"}},
		{name: "ShouldRescu", e: rescu{}, want: []string{"did you mean ShouldRescue?"}},
		{name: "on the pointer", e: byPointer{}, want: []string{"BroadcastWihth; did you mean BroadcastWith?"}},
		{name: "passed as a pointer", e: &castWith{}, want: []string{"did you mean BroadcastWith?"}},
		{name: "unknown", e: queue{}, want: []string{"nobody calls the method BroadcastQueue; there are BroadcastOn, "}},
		{name: "Laravel's via", e: via{}, want: []string{"BroadcastConnections"}},
		{name: "Laravel's toOthers", e: toOthers{}, want: []string{"broadcast.ToOthers"}},
		{name: "a notification's method", e: toData{}, want: []string{"only a notification has it"}},
		{name: "wrong signature", e: wrong{}, want: []string{"BroadcastWhen of broadcasttest_test.wrong is func() int"}},
		{name: "refuses itself", e: refuses{}, want: []string{"no id"}},
		{name: "not sent", e: never{}, want: []string{"BroadcastWhen says no"}},
		{name: "no channel", e: nowhere{}, want: []string{"no channel"}},
		{name: "bad channel", e: badChannel{}, want: []string{"empty segment"}},
		{name: "reserved name", e: reserved{}, want: []string{"keeps for its own events"}},
		{name: "whisper", e: whisper{}, want: []string{"whisper of another page"}},
		{name: "nothing exported", e: secretive{}, want: []string{"none of its fields is exported"}},
		{name: "largest payload", e: large{Body: strings.Repeat("x", 10240-len(`{"body":""}`))}},
		{name: "too large", e: large{Body: strings.Repeat("x", 10241-len(`{"body":""}`))}, want: []string{`10241 bytes, connection "default" takes 10240; largest fields: "body"`}},
		{name: "too large when sealed", e: sealed{Body: strings.Repeat("x", 9000)}, want: []string{"payload too large"}},
		{name: "cannot be encoded", e: event.Of("e", map[string]any{"c": make(chan int)}, channel.Public("c")), want: []string{"unsupported type: chan int"}},
		{name: "holds itself", e: cyclic{Next: loop}, want: []string{"encountered a cycle"}},
		{
			name: "untagged", e: goCased{}, want: []string{
				"the field SessionID of broadcasttest_test.goCased has no name for JSON, so pages get \"SessionID\"; write `json:\"sessionId\"`",
				"field Omitted", "field Port", "field Price", "field ByName", "field A", "field B", "field FromEmbedded",
			},
		},
		{name: "untagged in a list of anything", e: event.Of("e", []any{1, inner{}}, channel.Public("c")), want: []string{"field Port"}},
		{name: "untagged in a model", e: post.Created(1, inner{}), want: []string{"field Port"}},
		{name: "untagged in a notification", e: notification.To(user{}, invoice{}), want: []string{"field Amount of broadcasttest_test.invoice"}},
		{name: "misspelt in a notification", e: notification.To(user{}, misspelt{}), want: []string{"BroadcastTyp; did you mean BroadcastType?"}},
		{name: "no notification", e: notification.To(user{}, nil), want: []string{"the notification is nil"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			told := &reports{TB: t}
			broadcasttest.CheckEvent(told, test.e)
			require.Len(t, told.texts, len(test.want), "%q", told.texts)
			for i, part := range test.want {
				require.Contains(t, told.texts[i], part)
				require.True(t, strings.HasPrefix(told.texts[i], event.TypeName(test.e)+": "), told.texts[i])
			}
		})
	}
}

type notice struct {
	Text string `json:"text"`
}

func (notice) BroadcastType() string { return "notice" }

func TestCheckEventKnowsEveryOptionalMethod(t *testing.T) {
	t.Parallel()
	// Were one of them unknown, the check would call it misspelt.
	told := &reports{TB: t}
	broadcasttest.CheckEvent(told, complete{})
	require.Empty(t, told.texts)
	for _, known := range []any{(*event.Payloader)(nil), (*event.Conditional)(nil), (*event.Router)(nil), (*event.Rescuer)(nil), (*event.Validator)(nil)} {
		require.Implements(t, known, complete{})
	}
}
