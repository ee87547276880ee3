package broadcasttest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/event"
)

// Methods that nobody calls.
type (
	typed     struct{ on }
	everyone  struct{ on }
	others    struct{ on }
	bare      struct{ on }
	area      struct{ on }
	zone      struct{ on }
	past      struct{ on }
	shortened struct{ on }
)

func (typed) BroadcastType() string   { return "" }
func (everyone) BroadcastToEveryone() {}
func (others) ToOthers() event.Event  { return nil }
func (bare) Broadcast()               {}
func (area) BroadcastArea() string    { return "" }
func (zone) BroadcastZ() string       { return "" }
func (past) Broadcasting() bool       { return true }
func (past) Broadcast2() bool         { return true }
func (shortened) BroadcastA() string  { return "" }

func TestMethodsThatNobodyCalls(t *testing.T) {
	t.Parallel()
	const all = "there are BroadcastOn, BroadcastAs, BroadcastWith, BroadcastWhen, BroadcastConnections, ShouldRescue, ValidateBroadcast"
	for want, e := range map[string]event.Event{
		"BroadcastVia; it is BroadcastConnections here, or broadcast.Via at the dispatch": via{},
		"BroadcastType; only a notification has it":                                       typed{},
		"BroadcastToEveryone; it is how every dispatch begins":                            everyone{},
		"DontBroadcastToCurrentUser; pass broadcast.ToOthers to Dispatch":                 toOthers{},
		"ToOthers; pass broadcast.ToOthers to Dispatch":                                   others{},
		"ToBroadcast; only a notification has it; an event has BroadcastWith":             toData{},
		"Broadcast; did you mean BroadcastOn?":                                            bare{},
		"BroadcastA; did you mean BroadcastAs?":                                           shortened{},
		"BroadcastArea; " + all:                                                           area{},
		"BroadcastZ; " + all:                                                              zone{},
	} {
		told := &reports{TB: t}
		broadcasttest.CheckEvent(told, e)
		require.Equal(t, []string{event.TypeName(e) + ": nobody calls the method " + want}, told.texts)
	}
	told := &reports{TB: t}
	broadcasttest.CheckEvent(told, past{})
	require.Empty(t, told.texts, "these are words of their own")
}
