package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/server"
)

func TestAcceptanceClientEvents(t *testing.T) {
	runRows(t, []row{
		{name: "28 not to oneself", test: func(t *testing.T, w *site) {
			p, q := w.on("private-a"), w.on("private-a")
			for sent, heard := range map[string]string{
				`{"a": [1.0,"<&>"]}`: `{"a": [1.0,"<&>"]}`, `"text \" \u00e9"`: "text \" é", `12345678901234567890`: `12345678901234567890`, `null`: `null`, `""`: ``,
			} {
				p.sendText(`{"event":"client-x","channel":"private-a","data":` + sent + `}`)
				q.hears("client-x", "private-a", heard)
			}
			p.sendText(`{"event":"client-none","channel":"private-a"}`)
			q.hears("client-none", "private-a", "{}")
			p.lives()
		}},
		{name: "29 refused on public encrypted and user channels", test: func(t *testing.T, w *site) {
			channels := []string{"news", "cache-c", "private-encrypted-a", "private-encrypted-cache-a"}
			p, q := w.connect(), w.connect()
			for _, ch := range channels {
				p.subscribe(ch)
				q.subscribe(ch)
				if strings.Contains(ch, "cache-") {
					p.next()
					q.next()
				}
			}
			p.signIn(`{"id":"u"}`)
			p.subscribe("#server-to-user-u")
			for _, ch := range append(channels, "#server-to-user-u") {
				p.whisper("client-x", ch, "1")
				code, _ := p.fails()
				assert.Zero(t, code)
			}
			q.lives()
		}},
		{name: "29 refused when switched off", configure: func(c *server.Config) { c.DisableClientEvents = true }, test: func(t *testing.T, w *site) {
			p, q := w.on("private-a"), w.on("private-a")
			p.whisper("client-x", "private-a", "1")
			_, message := p.fails()
			assert.Contains(t, message, "switched off")
			q.lives()
		}},
		{name: "30 refused without a subscription", test: func(t *testing.T, w *site) {
			p, q := w.on("private-b"), w.on("private-a")
			for _, ch := range []string{"private-a", "", "private-" + strings.Repeat("x", 5000)} {
				p.whisper("client-x", ch, "1")
				about, code, _ := p.failsOn()
				assert.Zero(t, code)
				if len(ch) < 1000 {
					assert.Equal(t, ch, about)
				} else {
					assert.Empty(t, about, "what is that long is not sent back")
				}
			}
			p.sendText(`{"event":"client-x","data":{}}`)
			_, _ = p.fails()
			q.lives()
		}},
		{name: "31 the eleventh in a second gets 4301", test: func(t *testing.T, w *site) {
			p, q := w.on("private-a"), w.on("private-a")
			for i := range 10 {
				p.whisper("client-x", "private-a", i)
				q.hears("client-x", "private-a", fmt.Sprint(i))
			}
			p.whisper("client-x", "private-a", 10)
			code, _ := p.fails()
			assert.Equal(t, 4301, code)
			q.lives()
			pass(100 * time.Millisecond) // of the bubble
			p.whisper("client-x", "private-a", 11)
			q.hears("client-x", "private-a", "11")
		}},
		{name: "31 size and name get 4301", test: func(t *testing.T, w *site) {
			p, q := w.on("private-a"), w.on("private-a")
			p.whisper("client-"+strings.Repeat("x", 193), "private-a", strings.Repeat("x", 10_240))
			assert.Len(t, q.next().data(t), 10_240)
			p.sendText(`{"event":"client-x","channel":"private-a","data":"` + strings.Repeat(`\u0041`, 5_000) + `"}`)
			assert.Len(t, q.next().data(t), 5_000, "what arrives is measured, not how it was written")
			p.whisper("client-x", "private-a", []string{strings.Repeat("x", 10_236)})
			assert.Len(t, q.next().data(t), 10_240)
			for event, data := range map[string]any{
				"client-x": strings.Repeat("x", 10_241), "client-y": []string{strings.Repeat("x", 10_237)}, "client-" + strings.Repeat("x", 194): "",
			} {
				p.whisper(event, "private-a", data)
				channel, code, _ := p.failsOn()
				assert.Equal(t, "private-a", channel)
				assert.Equal(t, 4301, code)
			}
			q.lives()
		}},
	})
}
