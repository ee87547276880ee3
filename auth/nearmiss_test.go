package auth_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/auth"
)

func TestDevelopmentTellsWhyNobodyAllowed(t *testing.T) {
	t.Parallel()
	var l log
	h := newHandler(l.option(), auth.WithDevelopment(true), auth.WithRefusalLimit(-1, 0))
	assert.Contains(t, l.String(), "level=WARN", "not to be left on unseen")
	h.Private("mentor.{mentor}", says(false, nil))
	h.Private("orders.{order}", says(false, auth.Pass))
	h.Private("teams.{team}.users.{user}", allow)
	h.Private("silent", says(false, auth.Deny(404, "")))
	h.Presence("chat.{room}", member)
	h.Private("typed.{n}.x", says(false, &auth.ParamError{Name: "n", Value: "y", Type: "int"}))
	for name, want := range map[string]string{
		"private-mentor.1":                     `forbidden: the private rule "mentor.{mentor}" refused`,
		"private-orders.1":                     `forbidden: every rule that matches passed`,
		"private-silent":                       ``,
		"private-typed.y.x":                    `forbidden: the private rule "typed.{n}.x" refused: auth: parameter "n": "y" does not parse as int`,
		"public":                               `forbidden: public channels need no authorisation`,
		"cache-public":                         `forbidden: public channels need no authorisation`,
		"private-mentors.1":                    `forbidden: no rule matches: the closest pattern is "mentor.{mentor}"`,
		"private-Mentor.1":                     `forbidden: no rule matches: the closest pattern is "mentor.{mentor}"`,
		"private-mentors.1234567890":           `forbidden: no rule matches: the closest pattern is "mentor.{mentor}"`, // however long the parameter is
		"private-mentor":                       `forbidden: no rule matches: the closest pattern is "mentor.{mentor}"`,
		"private-team.1.user.2":                `forbidden: no rule matches: the closest pattern is "teams.{team}.users.{user}"`,
		"private-teams.1.users":                `forbidden: no rule matches: the closest pattern is "teams.{team}.users.{user}"`,
		"private-something-else":               `forbidden: no rule matches`,
		"private-private-mentor.1":             `forbidden: no rule matches: the name has two prefixes; Echo adds one itself, so leave "private-" out in the page`,
		"presence-presence-chat.1":             `forbidden: no rule matches: the name has two prefixes; Echo adds one itself, so leave "presence-" out in the page`,
		"private-encrypted-encrypted-mentor.1": `forbidden: no rule matches: the name has two prefixes; Echo adds one itself, so leave "encrypted-" out in the page`,
		"presence-private-encrypted-chat.1":    `forbidden: no rule matches: the name has two prefixes; Echo adds one itself, so leave "private-encrypted-" out in the page`,
		"private-cache-mentor.1":               `forbidden: no rule matches: the rule "mentor.{mentor}" does not cover cache channels; register "cache-mentor.{mentor}" too`,
		"presence-cache-chat.1":                `forbidden: no rule matches: the rule "chat.{room}" does not cover cache channels; register "cache-chat.{room}" too`,
		"private-cache-chat.1":                 `forbidden: no rule matches`, // that rule is of the other kind
		"private-cache-unheard":                `forbidden: no rule matches`,
		"presence-mentors.1":                   `forbidden: no rule matches`, // a rule of its own kind would be close
		"private-chat.1":                       `forbidden: no rule matches: the rule "chat.{room}" is for presence channels; register one for private channels too`,
		"private-encrypted-chat.1":             `forbidden: no rule matches: the rule "chat.{room}" is for presence channels; register one for private channels too`,
		"presence-mentor.1":                    `forbidden: no rule matches: the rule "mentor.{mentor}" is for private channels; register one for presence channels too`,
		"private-mentor.":                      `forbidden: no rule matches: channel: name "private-mentor." has an empty segment at byte 15; is an id missing?`,
	} {
		assert.Equal(t, want, ask(t, h, subscribe(name)).Message, name)
	}
	guest := subscribe("private-mentor.1")
	guest.Header.Del("X-User")
	assert.Equal(t, "forbidden: nobody is logged in", ask(t, h, guest).Message)
}

func TestOutsideDevelopmentUnmatchedAndDeniedLookAlike(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("orders.{order}", says(false, nil))
	h.Presence("chat.{room}", member)
	want := ask(t, h, subscribe("private-orders.1"))
	assert.Equal(t, http.StatusForbidden, want.Status)
	for _, name := range []string{"private-order.1", "private-private-orders.1", "private-cache-orders.1", "private-chat.1", "public", "private-orders."} {
		assert.Equal(t, want, ask(t, h, subscribe(name)), name)
	}
	guest := subscribe("private-orders.1")
	guest.Header.Del("X-User")
	assert.Equal(t, want, ask(t, h, guest))
}

func TestReasonsAreLogged(t *testing.T) {
	t.Parallel()
	var l log
	h := newHandler(l.option())
	ask(t, h, subscribe("private-a"))
	assert.Contains(t, l.String(), "level=DEBUG")
	assert.Contains(t, l.String(), "no rule matches")
	assert.Contains(t, l.String(), "channel=private-a")
	assert.Equal(t, 1, strings.Count(l.String(), "\n"))
	ask(t, h, subscribe("private-a%0Alevel=ERROR"+strings.Repeat("x", 1000)))
	assert.Equal(t, 2, strings.Count(l.String(), "\n"), "names are quoted")
	assert.Less(t, len(l.String()), 1000, "and cut")
}

func TestReasonsAreLoggedWithoutAskingInDevelopment(t *testing.T) {
	t.Parallel()
	var l log
	h := newHandler(l.at(slog.LevelInfo), auth.WithDevelopment(true))
	h.Private("orders.{order}", allow)
	ask(t, h, subscribe("private-order.1"))
	assert.Contains(t, l.String(), "level=INFO")
	assert.Contains(t, l.String(), `the closest pattern is`)
}
