package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/server"
)

// guess subscribes without a signature and reads the refusal.
func (p *page) guess(ch string, status int) (message string) {
	p.t.Helper()
	p.send("pusher:subscribe", map[string]any{"channel": ch})
	return p.refused(ch, "AuthError", status)
}

// comesAndGoes is let in to a channel, and leaves it.
func (p *page) comesAndGoes(ch string) {
	p.t.Helper()
	p.send("pusher:subscribe", map[string]any{"channel": ch})
	p.hears("pusher_internal:subscription_succeeded", ch, "{}")
	p.send("pusher:unsubscribe", map[string]any{"channel": ch})
}

func TestRefusalLimit(t *testing.T) {
	t.Parallel()
	told := func(w *site) int { return strings.Count(w.log.String(), "limit=Limits.Refusals") }
	for _, tt := range []struct {
		name  string
		limit int
		test  func(t *testing.T, w *site, s *scripted)
	}{
		{"120 a minute, and then nobody is asked", 0, func(t *testing.T, w *site, s *scripted) {
			p, other := w.connect(), w.connect()
			for i := range 120 {
				p.guess(fmt.Sprint("private-", i), 403)
			}
			for range 3 {
				assert.Contains(t, p.guess("private-x", 429), "limit is 120 a minute")
			}
			assert.Len(t, s.asked, 120)
			assert.EqualValues(t, 123, w.srv.Stats().Refused)
			pass(500 * time.Millisecond)
			p.guess("private-y", 403)
			p.guess("private-z", 429)
			assert.Len(t, s.asked, 121)
			other.guess("private-a", 403)
			pass(time.Minute)
			for range 120 {
				p.guess("private-a", 403)
			}
			p.guess("private-a", 429)
		}},
		{"leaves alone what the Authorizer is not asked about", 1, func(t *testing.T, w *site, _ *scripted) {
			p := w.connect()
			p.guess("private-a", 403)
			p.guess("private-a", 429)
			p.subscribe("news")
			p.subscribe("private-signed")
			p.whisper("client-x", "private-signed", "1")
			p.signIn(`{"id":"7"}`)
			p.subscribe("#server-to-user-7")
			p.lives()
		}},
		{"refuses sign-ins, which count as well", 2, func(t *testing.T, w *site, s *scripted) {
			p := w.connect()
			for _, says := range []string{"forbidden", "forbidden", "limit is 2 a minute"} {
				p.send("pusher:signin", map[string]any{})
				code, message := p.fails()
				assert.Equal(t, 4009, code)
				assert.Contains(t, message, says)
			}
			p.guess("private-a", 429)
			assert.Empty(t, s.asked)
		}},
		{"counts no permission", 1, func(_ *testing.T, w *site, _ *scripted) {
			p := w.connect("X-User", "7")
			for range 300 {
				p.comesAndGoes("private-a")
			}
			p.guess("private-denied", 404)
			p.guess("private-denied", 429)
		}},
		{"counts no fault", 1, func(_ *testing.T, w *site, _ *scripted) {
			p := w.connect("X-User", "7")
			for range 5 {
				p.guess("private-nothing", 500)
				p.guess("private-panic", 500)
			}
			p.comesAndGoes("private-a")
		}},
		{"is told once, with the setting", 1, func(t *testing.T, w *site, _ *scripted) {
			for range 3 {
				p := w.connect()
				p.guess("private-a", 403)
				for range 3 {
					p.guess("private-a", 429)
				}
			}
			assert.Equal(t, 1, told(w))
			pass(time.Minute)
			p := w.connect()
			p.guess("private-a", 403)
			p.guess("private-a", 429)
			assert.Equal(t, 2, told(w))
		}},
		{"of a hundred", 100, func(_ *testing.T, w *site, _ *scripted) {
			p := w.connect()
			for range 100 {
				p.guess("private-a", 403)
			}
			p.guess("private-a", 429)
		}},
		{"none", -1, func(t *testing.T, w *site, s *scripted) {
			p := w.connect()
			for range 1000 {
				p.guess("private-a", 403)
			}
			assert.Len(t, s.asked, 1000)
			assert.Zero(t, told(w))
		}},
		{"is far from what pages do that work as they should", 0, func(t *testing.T, w *site, _ *scripted) {
			for range 30 { // comes back again and again, with 20 channels that it may not join
				p := w.connect()
				for i := range 20 {
					p.guess(fmt.Sprint("private-", i), 403)
				}
				assert.NoError(t, p.ws.Close())
			}
			p := w.connect()
			for range 60 { // stays, and asks for them on each of its views
				for i := range 20 {
					p.guess(fmt.Sprint("private-", i), 403)
				}
				pass(10 * time.Second)
			}
			assert.Zero(t, told(w))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{}
			inBubble(t, func(t *testing.T, w *site) { tt.test(t, w, s) }, func(c *server.Config) { c.Authorizer, c.Limits.Refusals = s, tt.limit })
		})
	}
}

// A user of one tenant who tries the channels of another is a stranger there.
func TestRefusalLimitOfAnotherApp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.open("/app/other?protocol=7", "X-User", "5")
		p.hello()
		for range 3 {
			p.guess("private-user.5", 500)
		}
		p.guess("private-user.5", 429)
		assert.Equal(t, 3, strings.Count(w.log.String(), "authorization failed"))
	}, func(c *server.Config) {
		c.Authorizer, c.Limits.Refusals = tenantRules(testApp), 3
		c.Apps = []auth.App{{ID: "2", Key: "other", Secret: "another"}}
	})
}
