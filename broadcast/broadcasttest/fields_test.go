package broadcasttest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// Types that encode themselves, so that the names of their fields go nowhere.
type (
	jsonByValue   struct{ Amount int }
	jsonByPointer struct{ Amount int }
	textByValue   struct{ Amount int }
	textByPointer struct{ Amount int }
)

func (jsonByValue) MarshalJSON() ([]byte, error)    { return []byte("1"), nil }
func (*jsonByPointer) MarshalJSON() ([]byte, error) { return []byte("1"), nil }
func (textByValue) MarshalText() ([]byte, error)    { return []byte("1"), nil }
func (*textByPointer) MarshalText() ([]byte, error) { return []byte("1"), nil }

// Events whose fields are looked at.
type (
	number int
	stamp  struct {
		on
		at int
	}
	quiet struct{ at int }
	marks struct {
		on
		A jsonByValue   `json:"a"`
		B jsonByPointer `json:"b"`
		C textByValue   `json:"c"`
		D textByPointer `json:"d"`
	}
	node struct {
		on
		Next  *node `json:"next"`
		Value int
	}
	embeds struct {
		on
		*promoted
	}
	replaced struct {
		on
		Secret string
	}
	unreplaced struct {
		on
		Secret string
	}
	holds struct {
		X any `json:"x"`
	}
	casing struct {
		on
		ID            int
		A             int
		HTTPPort      int
		OrderItemsURL string
		Plain         string
	}
)

func (number) BroadcastOn() []channel.Channel { return on{}.BroadcastOn() }
func (number) BroadcastAs() string            { return "e" }
func (quiet) BroadcastOn() []channel.Channel  { return on{}.BroadcastOn() }
func (quiet) BroadcastAs() string             { return "e" }
func (q quiet) MarshalJSON() ([]byte, error)  { return []byte{'0' + byte(q.at)}, nil }
func (s stamp) BroadcastWith() any            { return jsonByValue{s.at} }
func (replaced) BroadcastWith() any           { return map[string]int{"a": 1} }
func (unreplaced) BroadcastWith() any         { return nil }

func of(payload any) event.Event { return event.Of("e", payload, channel.Public("c")) }

func TestFieldsThatAreSent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		e    event.Event
		want []string // one report for each
	}{
		{"no struct", number(1), nil},
		{"fields of what encodes itself", marks{}, nil},
		{"an event that encodes itself", quiet{}, nil},
		{"a payload that encodes itself", stamp{}, nil},
		{"fields that are replaced", replaced{}, nil},
		{"fields that nil does not replace", unreplaced{}, []string{"the field Secret of broadcasttest_test.unreplaced"}},
		{"nothing exported, behind a pointer", &secretive{}, []string{"none of its fields is exported"}},
		{"in a map of anything", of(map[string]any{"o": inner{}}), []string{"the field Port"}},
		{"behind a pointer", of(map[string]any{"o": &inner{}}), []string{"the field Port"}},
		{"in anything behind a pointer", of(&holds{X: inner{}}), []string{"the field Port"}},
		{"in a map of maps", of(map[string]any{"a": map[int]any{1: []any{inner{}}}}), []string{"the field Port"}},
		{"twice", of([]any{inner{}, &inner{}, inner{}}), []string{"the field Port"}},
		{"in itself", node{}, []string{"the field Value"}},
		{"embedded by a pointer", embeds{}, []string{"the field FromEmbedded"}},
		{"names", casing{}, []string{`write ` + "`" + `json:"id"`, `json:"a"`, `json:"httpPort"`, `json:"orderItemsUrl"`, `json:"plain"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			told := &reports{TB: t}
			broadcasttest.CheckEvent(told, test.e)
			require.Len(t, told.texts, len(test.want), "%q", told.texts)
			for i, part := range test.want {
				require.Contains(t, told.texts[i], part)
			}
		})
	}
}
