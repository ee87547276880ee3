package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/server"
)

func numbered(format string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf(format, i)
	}
	return names
}

func jsonText(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

func TestReadEvent(t *testing.T) {
	t.Parallel()
	type event struct {
		name, data, socketID string
		channels             []string
	}
	tests := []struct {
		name, body string
		want       event
	}{
		{"one channel", `{"name":"e","channel":"news","data":"{}"}`, event{name: "e", data: "{}", channels: []string{"news"}}},
		{"several channels", `{"name":"e","channels":["a","private-b","presence-c"],"data":"x"}`, event{name: "e", data: "x", channels: []string{"a", "private-b", "presence-c"}}},
		{"channels win over channel", `{"name":"e","channel":"a","channels":["b"],"data":"x"}`, event{name: "e", data: "x", channels: []string{"b"}}},
		{"a channel twice", `{"name":"e","channels":["a","b","a"],"data":"x"}`, event{name: "e", data: "x", channels: []string{"a", "b"}}},
		{"empty data", `{"name":"e","channel":"a","data":""}`, event{name: "e", channels: []string{"a"}}},
		{"a socket id", `{"name":"e","channel":"a","data":"","socket_id":"1.2"}`, event{name: "e", channels: []string{"a"}, socketID: "1.2"}},
		{"null where a field may be left out", `{"name":"e","channel":"a","channels":null,"data":"","socket_id":null,"info":null}`, event{name: "e", channels: []string{"a"}}},
		{"unknown fields", `{"x":{"y":[1]},"name":"e","channel":"a","data":"","z":1e999}`, event{name: "e", channels: []string{"a"}}},
		{"a user's channel", `{"name":"e","channel":"#server-to-user-7","data":""}`, event{name: "e", channels: []string{"#server-to-user-7"}}},
		{"a class name", `{"name":"App\\Events\\OrderPaid","channel":"a","data":""}`, event{name: `App\Events\OrderPaid`, channels: []string{"a"}}},
		{"text that is not JSON", `{"name":"e","channel":"a","data":"<&>\u00e9é {12345678901234567890 1.0"}`, event{name: "e", data: "<&>éé {12345678901234567890 1.0", channels: []string{"a"}}},
		{"a surrogate pair", `{"name":"e","channel":"a","data":"\ud83d\ude00"}`, event{name: "e", data: "😀", channels: []string{"a"}}},
		{"half a surrogate pair", `{"name":"e","channel":"a","data":"\ud800"}`, event{name: "e", data: "\ufffd", channels: []string{"a"}}},
		{"white space around", " \r\n\t{\"name\":\"e\",\"channel\":\"a\",\"data\":\"\"} \n", event{name: "e", channels: []string{"a"}}},
		{"data of 10,240 bytes", `{"name":"e","channel":"a","data":"` + strings.Repeat("\u00e9", 5120) + `"}`, event{name: "e", data: strings.Repeat("é", 5120), channels: []string{"a"}}},
		{"100 channels", `{"name":"e","channels":` + jsonText(t, numbered("c%d", 100)) + `,"data":""}`, event{name: "e", channels: numbered("c%d", 100)}},
		{"a name of 200 bytes", `{"name":"` + strings.Repeat("e", 200) + `","channel":"a","data":""}`, event{name: strings.Repeat("e", 200), channels: []string{"a"}}},
	}
	for _, tt := range tests {
		name, data, channels, socketID, err := server.ReadEvent([]byte(tt.body))
		if assert.NoError(t, err, tt.name) {
			assert.Equal(t, tt.want, event{name: name, data: data, channels: channels, socketID: socketID}, tt.name)
		}
	}
}

func TestReadEventRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		status     int
		says       string
	}{
		{"nothing", "", 400, "empty"},
		{"white space", " \n", 400, "empty"},
		{"an array", `[]`, 400, "not a JSON object"},
		{"null", `null`, 400, "not a JSON object"},
		{"broken JSON", `{"name":"e"`, 400, "not valid JSON"},
		{"a second object", `{"name":"e","channel":"a","data":""}{}`, 400, "not valid JSON"},
		{"invalid UTF-8", "{\"name\":\"e\",\"channel\":\"a\",\"data\":\"\xc3(\"}", 400, "UTF-8"},
		{"a UTF-8 byte order mark", "\xef\xbb\xbf{}", 400, "not valid JSON"},
		{"deep nesting", strings.Repeat(`{"a":`, 5000), 400, "nested"},
		{"a field twice", `{"name":"e","channel":"a","data":"","data":"x"}`, 400, "twice"},
		{"a field twice by an escape", `{"name":"e","channel":"a","data":"","d\u0061ta":"x"}`, 400, "twice"},
		{"no name", `{"channel":"a","data":""}`, 400, "name is missing"},
		{"a field in another case", `{"Name":"e","channel":"a","data":""}`, 400, "name is missing"},
		{"an empty name", `{"name":"","channel":"a","data":""}`, 400, "name is empty"},
		{"a name that is no string", `{"name":1,"channel":"a","data":""}`, 400, "name must be a string, not a number"},
		{"a name of 201 bytes", `{"name":"` + strings.Repeat("e", 201) + `","channel":"a","data":""}`, 400, "limit is 200"},
		{"a reserved name", `{"name":"pusher:ping","channel":"a","data":""}`, 400, "keeps for its own"},
		{"an internal name", `{"name":"pusher_internal:member_added","channel":"a","data":""}`, 400, "keeps for its own"},
		{"no data", `{"name":"e","channel":"a"}`, 400, "data is missing"},
		{"data null", `{"name":"e","channel":"a","data":null}`, 400, "data must be a string, not null"},
		{"data an object", `{"name":"e","channel":"a","data":{"a":1}}`, 400, "data must be a string, not an object; encode it as JSON"},
		{"data an array", `{"name":"e","channel":"a","data":[]}`, 400, "data must be a string, not an array"},
		{"data true", `{"name":"e","channel":"a","data":true}`, 400, "data must be a string, not a boolean"},
		{"data of 10,241 bytes", `{"name":"e","channel":"a","data":"` + strings.Repeat("x", 10_241) + `"}`, 413, "content of this event"},
		{"no channel", `{"name":"e","data":""}`, 400, "at least one channel"},
		{"an empty list of channels", `{"name":"e","channels":[],"data":""}`, 400, "channels is empty"},
		{"an empty list beside a channel", `{"name":"e","channel":"a","channels":[],"data":""}`, 400, "channels is empty"},
		{"an empty channel", `{"name":"e","channel":"","data":""}`, 400, "is empty"},
		{"a channel that is no string", `{"name":"e","channel":["a"],"data":""}`, 400, "channel must be a string, not an array"},
		{"channels that are a string", `{"name":"e","channels":"a","data":""}`, 400, "goes into channel"},
		{"channels that are not strings", `{"name":"e","channels":["a",1],"data":""}`, 400, "array of strings"},
		{"101 channels", `{"name":"e","channels":` + jsonText(t, numbered("c%d", 101)) + `,"data":""}`, 400, "101 names, the limit is 100"},
		{"a bad channel among good ones", `{"name":"e","channels":["a","b c"],"data":""}`, 400, `\"b c\"`},
		{"a channel of 201 bytes", `{"name":"e","channel":"` + strings.Repeat("c", 201) + `","data":""}`, 400, "limit is 200"},
		{"an encrypted channel among others", `{"name":"e","channels":["private-encrypted-a","b"],"data":""}`, 400, "only one"},
		{"an empty socket id", `{"name":"e","channel":"a","data":"","socket_id":""}`, 400, "socket_id"},
		{"a socket id with more behind it", `{"name":"e","channel":"a","data":"","socket_id":"1.2:x"}`, 400, "socket_id"},
		{"a socket id that is a number", `{"name":"e","channel":"a","data":"","socket_id":1.2}`, 400, "socket_id must be a string"},
		{"info that is no string", `{"name":"e","channel":"a","data":"","info":["user_count"]}`, 400, "info must be a string"},
	}
	for _, tt := range tests {
		_, _, _, _, err := server.ReadEvent([]byte(tt.body))
		status, text := server.ErrorStatus(err)
		assert.Equal(t, tt.status, status, tt.name)
		assert.Contains(t, jsonText(t, text), tt.says, tt.name)
		assert.Less(t, len(text), 400, tt.name)
	}
}

func TestReadBatch(t *testing.T) {
	t.Parallel()
	event := func(i int) string { return fmt.Sprintf(`{"name":"e","channel":"c%d","data":"x"}`, i) }
	events := func(n int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = event(i)
		}
		return all
	}
	batch := func(all ...string) string { return `{"batch":[` + strings.Join(all, ",") + `]}` }
	n, err := server.ReadBatch([]byte(batch(events(10)...)))
	require.NoError(t, err)
	assert.Equal(t, 10, n)

	tests := []struct {
		name, body string
		status     int
		says       string
	}{
		{"11 events", batch(events(11)...), 400, "Batch too large: 11 events, the limit is 10"},
		{"no events", batch(), 400, "empty"},
		{"no batch", `{}`, 400, "missing"},
		{"an object", `{"batch":{}}`, 400, "batch must be an array of events, not an object"},
		{"an array alone", `[]`, 400, "not a JSON object"},
		{"an event that is a string", batch(`"x"`), 400, "event 0 of the batch"},
		{"too much data in the last event", batch(append(events(9), `{"name":"e","channel":"a","data":"`+strings.Repeat("x", 10_241)+`"}`)...), 413, "event 9 of the batch: the data content of this event"},
		{"a bad channel in the second event", batch(event(0), `{"name":"e","channel":"b c","data":""}`), 400, "event 1 of the batch"},
		{"several channels in an event", batch(`{"name":"e","channels":["a"],"data":""}`), 400, "give each event one channel"},
		{"a field twice in an event", batch(`{"name":"e","name":"f","channel":"a","data":""}`), 400, "event 0 of the batch"},
		{"a reserved name in an event", batch(event(0), event(1), `{"name":"pusher:x","channel":"a","data":""}`), 400, "event 2 of the batch"},
	}
	for _, tt := range tests {
		n, err := server.ReadBatch([]byte(tt.body))
		status, text := server.ErrorStatus(err)
		assert.Equal(t, tt.status, status, tt.name)
		assert.Contains(t, text, tt.says, tt.name)
		assert.Zero(t, n, tt.name)
	}
}

// The recorded requests of pusher-http-php pass at their time, and their bodies
// are read as what they were made of.
func TestReadRecordedBodies(t *testing.T) {
	t.Parallel()
	read := 0
	for _, v := range signatureVectors(t, "request: ") {
		for _, r := range v.Want.Requests {
			require.NoError(t, server.VerifyRequest(v.Input.AppSecret, r.Method, "", r.Path, r.RawQuery, []byte(r.Body), time.Unix(1_700_000_000, 0)), v.Name)
			switch {
			case strings.HasSuffix(r.Path, "/events"):
				var want struct {
					Name, Data, Channel string
					Channels            []string
				}
				require.NoError(t, json.Unmarshal(r.BodyJSON, &want), v.Name)
				if want.Channel != "" {
					want.Channels = []string{want.Channel}
				}
				name, data, channels, _, err := server.ReadEvent([]byte(r.Body))
				require.NoError(t, err, v.Name)
				assert.Equal(t, want.Name, name, v.Name)
				assert.Equal(t, want.Data, data, v.Name)
				assert.Equal(t, want.Channels, channels, v.Name)
				read++
			case strings.HasSuffix(r.Path, "/batch_events"):
				n, err := server.ReadBatch([]byte(r.Body))
				require.NoError(t, err, v.Name)
				assert.Equal(t, 2, n, v.Name)
				read++
			}
		}
	}
	assert.GreaterOrEqual(t, read, 9)
}

func FuzzReadEvent(f *testing.F) {
	f.Add([]byte(`{"name":"e","channels":["a","presence-b"],"data":"{\"a\":1}","socket_id":"1.2","info":"user_count"}`))
	f.Add([]byte(`{"name":"e","channel":"a","data":"\ud800"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		name, data, channels, _, err := server.ReadEvent(body)
		if err != nil {
			if status, text := server.ErrorStatus(err); status != 400 && status != 413 || text == "" {
				t.Fatalf("status %d, text %q, error %v", status, text, err)
			}
			return
		}
		if name == "" || len(name) > 200 || len(data) > 10_240 || !utf8.ValidString(name+data) || len(channels) == 0 || len(channels) > 100 {
			t.Fatalf("accepted name %q, %d bytes of data, %d channels", name, len(data), len(channels))
		}
		var fields map[string]json.RawMessage
		var want string
		if json.Unmarshal(body, &fields) != nil || json.Unmarshal(fields["data"], &want) != nil || data != want {
			t.Fatalf("read the data as %q, encoding/json as %q", data, want)
		}
	})
}

func FuzzReadBatch(f *testing.F) {
	f.Add([]byte(`{"batch":[{"name":"e","channel":"a","data":"x"},{"name":"e","channel":"b","data":"","info":"cache"}]}`))
	f.Add([]byte(`{"batch":[[],{},null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := server.ReadBatch(body)
		if status, _ := server.ErrorStatus(err); err != nil && status != 400 && status != 413 {
			t.Fatalf("status %d, error %v", status, err)
		}
		if err == nil && (n < 1 || n > 10) {
			t.Fatalf("accepted %d events", n)
		}
	})
}
