package drivertest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

// cases holds all cases, in the order in which they run.
var cases = slices.Concat(deliveryCases, secrecyCases, failureCases)

var deliveryCases = []testCase{
	{
		name:     "one message",
		sentence: "Broadcast returns nil when all messages were accepted.",
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			o.send(message("drivertest.one", `{"n":1}`, channel.Public("drivertest")))
			o.verify()
		},
	},
	{
		name:     "kinds of channels",
		sentence: "A message reaches the channels it names, by their names on the wire, and no others.",
		needs:    []need{arrives},
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			for i, c := range kinds() {
				o.send(message("drivertest.kind", fmt.Sprintf(`{"n":%d}`, i), c))
			}
			o.verify()
		},
	},
	{
		name:     "many channels",
		sentence: "One message reaches as many channels as Limits.Channels allows, each once.",
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			o.send(message("drivertest.many", `{"n":1}`, numbered(bound(broadcast.LimitsOf(h.Driver).Channels, many))...))
			o.verify()
		},
	},
	{
		name:     "largest payload",
		sentence: "A payload of Limits.Payload bytes is taken.",
		needs:    []need{hasPayloadLimit},
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			data := `"` + strings.Repeat("x", broadcast.LimitsOf(h.Driver).Payload-2) + `"`
			o.send(message("drivertest.large", data, channel.Public("drivertest")))
			o.verify()
		},
	},
	{
		name:     "order in a batch",
		sentence: "Broadcast sends the messages in their order, as many as Limits.Batch allows.",
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			var batch []broadcast.Message
			for i := range bound(broadcast.LimitsOf(h.Driver).Batch, 25) {
				on := two(h)
				if i%2 == 0 { // alternate, to detect a driver that sorts by channel
					on = on[:1]
				}
				batch = append(batch, message("drivertest.batch", fmt.Sprintf(`{"n":%d}`, i), on...))
			}
			o.send(batch...)
			o.verify()
		},
	},
	{
		name:     "order over calls",
		sentence: "A call that follows another's return sends behind it.",
		needs:    []need{arrives},
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			for i := range 25 {
				o.send(message("drivertest.call", fmt.Sprintf(`{"n":%d}`, i), channel.Public("drivertest")))
			}
			o.verify()
		},
	},
	{
		name:     "payload byte for byte",
		sentence: "Message.Data is passed on byte for byte, JSON or not.",
		needs:    []need{arrives},
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			for _, data := range payloads {
				o.send(message("drivertest.data", data, channel.Public("drivertest")))
			}
			o.verify()
		},
	},
	{
		name:     "no messages",
		sentence: "Broadcast of no messages returns nil.",
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			o.send()
			if err := h.Driver.Broadcast(t.Context(), []broadcast.Message{}); err != nil {
				t.Errorf("Broadcast of an empty slice returned: %v", err)
			}
			o.verify()
		},
	},
	{
		name:     "socket exclusion",
		sentence: "Message.SocketID is the connection that does not get the message; empty for none.",
		needs:    []need{arrives, excludes},
		check:    checkSocket,
	},
	{
		name:     "the slice belongs to the caller",
		sentence: "A driver does not keep the slice, and changes nothing in it.",
		check:    checkSlice,
	},
	{
		name:     "concurrent use",
		sentence: "Implementations are safe for concurrent use.",
		check:    checkConcurrent,
	},
	{
		name:     "limits",
		sentence: "Limits are bounds that the broadcaster can keep: none is negative, and they stay the same.",
		check: func(t *reporter, h Harness) {
			l := broadcast.LimitsOf(h.Driver)
			if l.Payload < 0 || l.Channels < 0 || l.Batch < 0 || l.ChannelName < 0 {
				t.Errorf("a limit is negative: %+v", l)
			}
			if l.ChannelName > channel.MaxNameLength {
				t.Errorf("Limits.ChannelName is %d; no channel's name has more than %d bytes", l.ChannelName, channel.MaxNameLength)
			}
			if again := broadcast.LimitsOf(h.Driver); again != l {
				t.Errorf("limits were %+v and then %+v", l, again)
			}
		},
	},
}

// payloads are payloads that encoders, proxies and careless drivers tend to
// change.
var payloads = []string{
	`{}`,
	``,
	`{"html":"<b>a & b</b>","escaped":"\u003cb\u003e\/"}`,
	`{ "spaces" : [ 1 , 2 ] , "b" : 1, "a" : 2, "a" : 3 }`,
	`{"large":9007199254740993,"exact":1.0,"exp":1e25}`,
	"{\"unicode\":\"Zoë / 用户 🎉 \u2028\u2029\",\"escaped\":\"\\ud83c\\udf89\"}",
	`"a string"`,
	`null`,
	`{"not": json`,
	"%s %d %!v(MISSING)\n\r\t\x00\x1b[0m",
	"\n{}\n",
}

func hasPayloadLimit(h Harness) string {
	if n := broadcast.LimitsOf(h.Driver).Payload; n < 2 || n > 1<<20 {
		return fmt.Sprintf("the limit of %d bytes is none, or not worth the memory", n)
	}
	return ""
}

// bound returns the limit if there is one, but at most highest.
func bound(limit, highest int) int {
	if limit <= 0 {
		return highest
	}
	return min(limit, highest)
}

// two returns two channels, or one if a message cannot have more.
func two(h Harness) []channel.Channel {
	list := []channel.Channel{channel.Public("drivertest"), channel.Private("drivertest")}
	return list[:bound(broadcast.LimitsOf(h.Driver).Channels, len(list))]
}

func checkSocket(t *reporter, h Harness) {
	o := &outbox{t: t, h: h}
	want := []string{"", "123.456", ""}
	for i, id := range want {
		m := message("drivertest.socket", fmt.Sprintf(`{"n":%d}`, i), channel.Public("drivertest"))
		m.SocketID = id
		o.send(m)
	}
	o.verify()
	var got []string
	for _, a := range h.Arrived(len(want)) {
		got = append(got, a.SocketID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("messages that leave out %q arrived as leaving out %q", want, got)
	}
}

func checkSlice(t *reporter, h Harness) {
	o := &outbox{t: t, h: h}
	fill := func() []broadcast.Message {
		var list []broadcast.Message
		for i := range bound(broadcast.LimitsOf(h.Driver).Batch, 3) {
			m := message("drivertest.slice", fmt.Sprintf(`{"n":%d}`, i), two(h)...)
			m.ID, m.SocketID = fmt.Sprint("id ", i), "1.2"
			list = append(list, m)
		}
		return list
	}
	given, want := fill(), fill()
	if err := h.Driver.Broadcast(t.Context(), given); err != nil {
		t.Fatalf("Broadcast returned: %v", err)
	}
	if !reflect.DeepEqual(given, want) {
		t.Errorf("after Broadcast the slice held %+v instead of %+v", given, want)
	}
	for i := range given {
		given[i].Channels[0] = channel.Public("drivertest.1")
		given[i] = message("drivertest.clobbered", "clobbered", channel.Public("drivertest.2"))
	}
	o.record(want, nil)
	o.verify()
}

func checkConcurrent(t *reporter, h Harness) {
	const workers, each = 8, 20
	o := &outbox{t: t, h: h}
	sent := make([][]broadcast.Message, workers)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w, on := range numbered(workers) {
		wg.Go(func() {
			for i := range each {
				m := message("drivertest.concurrent", fmt.Sprintf(`{"n":%d}`, i), on)
				sent[w] = append(sent[w], m)
				if errs[w] = h.Driver.Broadcast(t.Context(), []broadcast.Message{m}); errs[w] != nil {
					return
				}
				broadcast.LimitsOf(h.Driver)
			}
		})
	}
	wg.Wait()
	for w, err := range errs {
		if err != nil {
			t.Fatalf("one of %d goroutines got: %v", workers, err)
		}
		o.record(sent[w], nil)
	}
	o.verify()
}
