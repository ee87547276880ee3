package broadcast_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestDeliveryJSON holds the form that queues and tables store.
func TestDeliveryJSON(t *testing.T) {
	t.Parallel()
	full := broadcast.Delivery{
		ID:         "0198a1b2-0000-7000-8000-000000000001",
		Connection: "tenant-acme",
		Message: broadcast.Message{
			ID:    "0198a1b2-0000-7000-8000-000000000002",
			Event: `App\Events\Paid`,
			Channels: []channel.Channel{
				channel.Public("a"), channel.Private("b").Cached(), channel.Presence("c"), channel.Encrypted("d").Cached(), channel.User("5"),
			},
			Data:     `{"html":"<b>&","text":"Zoë"}`,
			SocketID: "1.2",
		},
		NotBefore: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
	short := broadcast.Delivery{
		ID: "1", Connection: "default",
		Message: broadcast.Message{ID: "1", Event: "e", Channels: []channel.Channel{channel.Private("a")}, Data: "{}"},
	}
	deliveries := []broadcast.Delivery{full, short}
	got, err := json.MarshalIndent(deliveries, "", "\t")
	require.NoError(t, err)
	got = append(got, '\n')
	const golden = "testdata/deliveries.json"
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))

	var back []broadcast.Delivery
	require.NoError(t, json.Unmarshal(want, &back))
	require.Equal(t, deliveries, back)
}

func TestPayloadSize(t *testing.T) {
	t.Parallel()
	var master [pusherproto.MasterKeySize]byte
	for _, data := range []string{"", "{}", `"é"`, strings.Repeat("x", 10_000)} {
		for name, test := range map[string]struct {
			channels []channel.Channel
			wire     string // the data as it goes out
		}{
			"plain":     {[]channel.Channel{channel.Private("a"), channel.Public("b")}, data},
			"user":      {[]channel.Channel{channel.User("5")}, data},
			"encrypted": {[]channel.Channel{channel.Encrypted("a")}, pusherproto.Seal("private-encrypted-a", &master, data)},
			"nowhere":   {nil, data},
		} {
			require.Equal(t, len(test.wire), broadcast.Message{Channels: test.channels, Data: data}.PayloadSize(), name)
		}
	}
}

func TestStoredChannelThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	var d broadcast.Delivery
	err := json.Unmarshal([]byte(`{"message":{"channels":["private-a b"]}}`), &d)
	require.ErrorContains(t, err, `"private-a b"`)
}
