package server_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/server"
)

// FuzzUsers takes what somebody signed about a user apart. Whatever it is, the
// frames about it are of JSON, with JSON in their data, and one id.
func FuzzUsers(f *testing.F) {
	for _, data := range []string{
		`{"user_id":10,"user_info":{"name":"Mr. Channels"}}`, `{"user_id":"10"}`, `{"user_id":"__proto__","user_info":null}`, `{"user_id":""}`, `{"user_id":1.5}`,
		`{"user_id":"a","user_id":"b"}`, `{"user_id":-0,"user_info":[1,"\ud800",{"a":"\u2028"}]}`, `"0"`, `[]`, `{"user_id":"\u0000\"\\"}`, "{\"user_id\":1,\"user_info\":\n1e5}",
		`{"id":"12345"}`, `{"id":"1","user_info":{},"watchlist":["2","3"]}`, `{"id":1}`, `{"id":"1","user_info":[]}`, `{"id":"1","watchlist":[2]}`, `{"id":"1","watchlist":null}`,
	} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		for _, read := range []func(string) ([][]byte, string, error){server.MemberFrames, server.UserFrames} {
			frames, id, err := read(data)
			if err != nil {
				assert.NotEmpty(t, err.Error())
				continue
			}
			require.NotEmpty(t, id)
			require.LessOrEqual(t, len(id), 128)
			for _, b := range frames {
				payload := payloadOf(t, b)
				require.True(t, utf8.Valid(payload))
				var out frame
				require.NoError(t, json.Unmarshal(payload, &out), "%s", payload)
				require.True(t, json.Valid([]byte(out.data(t))), "%s", payload)
			}
		}
	})
}

// payloadOf returns the payload of a frame as the server writes it.
func payloadOf(t *testing.T, frame []byte) []byte {
	t.Helper()
	require.Equal(t, byte(0x81), frame[0], "a whole text")
	switch frame[1] {
	case 126:
		return frame[4:]
	case 127:
		return frame[10:]
	}
	return frame[2:]
}
