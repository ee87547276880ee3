package pusher_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
)

// TestRepeatedDataIsHidden has a service say what was wrong and repeat what it
// was sent, as gateways and services in debug mode do.
func TestRepeatedDataIsHidden(t *testing.T) {
	t.Parallel()
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		require.NoError(t, err)
		return string(b)
	}
	for name, echo := range map[string]func(data string) string{
		"the data":                        func(data string) string { return data },
		"the request":                     func(data string) string { return `{"name":"e","data":` + quoted(data) + `}` },
		"the request in an answer's JSON": func(data string) string { return quoted(`{"name":"e","data":` + quoted(data) + `}`) },
		"a piece of the data":             func(data string) string { return data[3:] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const data = `{"pin":"4711","name":"Ada <ada@example.com>"}`
			s := newService(t, func(w http.ResponseWriter, _ request, _ int) bool {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, "no such channel private-a: "+echo(data)+" was sent")
				return true
			})
			for _, messages := range [][]broadcast.Message{
				{{Event: "e", Data: data, Channels: []channel.Channel{channel.Private("a")}}},
				{{Event: "e", Data: data, Channels: []channel.Channel{channel.User("7")}}},
				{{Event: "e", Data: data, SocketID: "1.1", Channels: []channel.Channel{channel.User("7")}}},
				{
					{Event: "e", Data: data, Channels: []channel.Channel{channel.Private("a")}},
					{Event: "f", Data: data, Channels: []channel.Channel{channel.Private("a")}},
				},
			} {
				err := s.driver(t).Broadcast(t.Context(), messages)
				answer, ok := errors.AsType[*pusher.APIError](err)
				require.True(t, ok, "%v", err)
				for _, word := range []string{"4711", "Ada", "example"} {
					assert.NotContains(t, err.Error(), word)
				}
				assert.Contains(t, answer.Message, "no such channel private-a: ")
				assert.Contains(t, answer.Message, "[hidden]")
				assert.Contains(t, answer.Message, " was sent")
			}
		})
	}
}
