package log_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/log"
)

func message(data string, on ...channel.Channel) broadcast.Message {
	return broadcast.Message{ID: "0199", Event: "order.paid", Channels: on, Data: data, SocketID: "1.2"}
}

// logged returns what a driver on a JSON handler writes, a value per record.
func logged(t *testing.T, messages ...broadcast.Message) []map[string]any {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, log.New(slog.New(slog.NewJSONHandler(&out, nil))).Broadcast(t.Context(), messages))
	var records []map[string]any
	for line := range strings.Lines(out.String()) {
		var record map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &record), "a line that is no record: %q", line)
		records = append(records, record)
	}
	return records
}

func TestRecord(t *testing.T) {
	t.Parallel()
	records := logged(t, message(`{"id":7,"tags":["<b>"]}`, channel.Public("orders"), channel.Private("orders.7")))
	require.Len(t, records, 1)
	delete(records[0], "time")
	assert.Equal(t, map[string]any{
		"level":     "INFO",
		"msg":       "broadcasting event",
		"event":     "order.paid",
		"echo":      ".order.paid",
		"channels":  []any{"orders", "private-orders.7"},
		"data":      map[string]any{"id": 7.0, "tags": []any{"<b>"}},
		"socket_id": "1.2",
		"id":        "0199",
	}, records[0])

	m := message(`{}`, channel.Public("orders"))
	m.SocketID = ""
	assert.NotContains(t, logged(t, m)[0], "socket_id", "there is nobody to leave out")
}

func TestOneRecordForEachMessageInOrder(t *testing.T) {
	t.Parallel()
	var messages []broadcast.Message
	for _, data := range []string{`1`, `2`, `3`} {
		messages = append(messages, message(data, channel.Public("a")))
	}
	var got []any
	for _, r := range logged(t, messages...) {
		got = append(got, r["data"])
	}
	assert.Equal(t, []any{1.0, 2.0, 3.0}, got)
	assert.Empty(t, logged(t))
}

func TestDataThatIsNotJSONIsAString(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "plain", `{"a":`, "{}\n{}", "\x1b[31m"} {
		records := logged(t, message(data, channel.Public("a")))
		require.Len(t, records, 1)
		assert.Equal(t, data, records[0]["data"])
	}
}

func TestEncryptedPayloadIsWithheld(t *testing.T) {
	t.Parallel()
	for _, on := range [][]channel.Channel{
		{channel.Encrypted("chat.7")},
		{channel.Encrypted("chat.7").Cached()},
		{channel.Public("a"), channel.Encrypted("chat.7")}, // breaks the contract, leaks nothing all the same
	} {
		for _, handler := range []func(io.Writer) slog.Handler{
			func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
			func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
		} {
			var out bytes.Buffer
			require.NoError(t, log.New(slog.New(handler(&out))).Broadcast(t.Context(), []broadcast.Message{message(`{"word":"rosebud"}`, on...)}))
			assert.NotContains(t, out.String(), "rosebud")
			assert.Contains(t, out.String(), "withheld")
		}
	}
}

// TestNothingForgesARecord is LIB-030: formatting verbs, line breaks and
// escape sequences in names and payloads.
func TestNothingForgesARecord(t *testing.T) {
	t.Parallel()
	const evil = "%s%d%!v(MISSING)%n\n\r\x1b[2Jlevel=ERROR msg=\"owned\" \u2028\u009b \xff"
	m := broadcast.Message{ID: evil, Event: evil, Channels: []channel.Channel{channel.Public(evil)}, Data: evil, SocketID: evil}

	t.Run("text", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		require.NoError(t, log.New(slog.New(slog.NewTextHandler(&out, nil))).Broadcast(t.Context(), []broadcast.Message{m}))
		assertOneLine(t, out.String())
		assert.NotContains(t, out.String(), "\u009b")
		assert.Equal(t, 6, strings.Count(out.String(), `%s%d%!v(MISSING)%n\n\r\x1b[2Jlevel=ERROR msg=\"owned\" \u2028\u009b \xff`),
			"each of the six fields holds the value, quoted: %s", out.String())
		assert.True(t, strings.HasPrefix(out.String()[strings.Index(out.String(), "level="):], `level=INFO msg="broadcasting event" event="%s%d`), out.String())
	})
	t.Run("json", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		require.NoError(t, log.New(slog.New(slog.NewJSONHandler(&out, nil))).Broadcast(t.Context(), []broadcast.Message{m}))
		assertOneLine(t, out.String())
		var record map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &record))
		want := strings.ToValidUTF8(evil, "\ufffd")
		assert.Equal(t, "INFO", record["level"])
		assert.Equal(t, "broadcasting event", record["msg"])
		assert.Equal(t, want, record["event"])
		assert.Equal(t, "."+want, record["echo"])
		assert.Equal(t, []any{want}, record["channels"])
		assert.Equal(t, want, record["data"])
		assert.Equal(t, want, record["socket_id"])
		assert.Equal(t, want, record["id"])
	})
}

func assertOneLine(t *testing.T, out string) {
	t.Helper()
	assert.Equal(t, 1, strings.Count(out, "\n"), "%q", out)
	assert.True(t, strings.HasSuffix(out, "\n"), "%q", out)
	assert.NotContains(t, out, "\r")
	assert.NotContains(t, out, "\x1b")
}

// handlerFunc is a handler that can fail.
type handlerFunc func(slog.Record) error

func (handlerFunc) Enabled(context.Context, slog.Level) bool        { return true }
func (f handlerFunc) Handle(_ context.Context, r slog.Record) error { return f(r) }
func (f handlerFunc) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f handlerFunc) WithGroup(string) slog.Handler                 { return f }

func TestRecordThatCannotBeWrittenIsUndelivered(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	written := 0
	d := log.New(slog.New(handlerFunc(func(slog.Record) error {
		if written++; written == 2 {
			return full
		}
		return nil
	})))
	messages := []broadcast.Message{
		message("1", channel.Public("a")), message("2", channel.Public("b")), message("3", channel.Public("c")),
	}
	err := d.Broadcast(t.Context(), messages)
	parts := broadcast.Undelivered(err)
	require.Len(t, parts, 1)
	assert.Equal(t, messages[1], parts[0].Message)
	assert.ErrorIs(t, err, full)
	assert.EqualError(t, parts[0].Err, "log: no space left on device")
	assert.Equal(t, 3, written)
}

func TestCancelledMidwayTellsWhatWasNotWritten(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d := log.New(slog.New(handlerFunc(func(slog.Record) error { cancel(); return nil })))
	messages := []broadcast.Message{message("1", channel.Public("a")), message("2", channel.Public("b"))}
	err := d.Broadcast(ctx, messages)
	assert.ErrorIs(t, err, context.Canceled)
	parts := broadcast.Undelivered(err)
	require.Len(t, parts, 1)
	assert.Equal(t, messages[1], parts[0].Message)
}

func TestSourceIsTheCaller(t *testing.T) {
	t.Parallel()
	var file string
	d := log.New(slog.New(handlerFunc(func(r slog.Record) error { file = r.Source().File; return nil })))
	require.NoError(t, d.Broadcast(t.Context(), []broadcast.Message{message("1", channel.Public("a"))}))
	assert.True(t, strings.HasSuffix(file, "log_test.go"), file)
}

func TestLevelAboveInfoWritesNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := log.New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	require.NoError(t, d.Broadcast(t.Context(), []broadcast.Message{message("1", channel.Public("a"))}))
	assert.Empty(t, out.String())
}

// Not parallel: it sets the program's default logger.
func TestNilLoggerIsTheDefaultOfTheMoment(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	d := log.New(nil)
	var out bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	require.NoError(t, d.Broadcast(t.Context(), []broadcast.Message{message("1", channel.Public("a"))}))
	assert.Contains(t, out.String(), "event=order.paid")
}
