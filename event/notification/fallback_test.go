package notification_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/notification"
)

// Reminder has data of its own, and a channel of its own when it has a room.
type Reminder struct {
	Text string `json:"text"`
	room string
}

func (Reminder) ToBroadcast() any { return nil }
func (r Reminder) BroadcastOn() []channel.Channel {
	if r.room == "" {
		return nil
	}
	return []channel.Channel{channel.Presence(r.room)}
}

func TestNilDataFallsBackToTheNotification(t *testing.T) {
	t.Parallel()
	m := send(t, notification.To(User{ID: 7}, Reminder{Text: "at noon"}).WithID("1"))
	require.JSONEq(t, `{"text":"at noon","id":"1","type":"App\\Notifications\\Reminder"}`, m.Data)
}

func TestOneChannelOfTheNotificationsOwn(t *testing.T) {
	t.Parallel()
	require.Equal(t, "[presence-r]", fmt.Sprint(send(t, notification.To(User{ID: 7}, Reminder{room: "r"})).Channels))
	require.Equal(t, "[private-App.Models.User.7]", fmt.Sprint(send(t, notification.To(User{ID: 7}, Reminder{})).Channels))
}

func TestANotificationMayRefuseToBeRescued(t *testing.T) {
	t.Parallel()
	require.False(t, notification.To(User{}, optional{rescue: false}).ShouldRescue())
}

func TestNotificationIsTheOneThatWasGiven(t *testing.T) {
	t.Parallel()
	require.Equal(t, Reminder{Text: "x"}, notification.To(User{}, Reminder{Text: "x"}).Notification())
}

func TestRefusalsShowTheSignature(t *testing.T) {
	t.Parallel()
	for want, n := range map[string]any{
		"() string":            wrongType{},
		"() []channel.Channel": wrongOn{},
		"() any":               wrongData{},
	} {
		_, err := broadcast.New(nowhere).Prepare(t.Context(), notification.To(User{ID: 7}, n))
		wrong, ok := errors.AsType[*event.MethodError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, want, wrong.Want)
	}
	_, err := broadcast.New(nowhere).Prepare(t.Context(), notification.To(User{ID: 7}, wrongAs{}))
	require.ErrorContains(t, err, "declare func (e notification_test.wrongAs) BroadcastAs() string")
}
