package auth_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/auth"
)

func TestOutcomesOfAPresenceRule(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		member *auth.Member
		err    error
		status int
		data   string
	}{
		{"a member allows", &auth.Member{ID: "7"}, nil, 200, `{"user_id":"7"}`},
		{"nil refuses", nil, nil, 403, ""},
		{"an error outweighs a member", &auth.Member{ID: "7"}, auth.Deny(403, ""), 403, ""},
		{"Pass outweighs a member", &auth.Member{ID: "7"}, auth.Pass, 403, ""},
		{"a member without an id", &auth.Member{}, nil, 403, ""},
		{"an id too long", &auth.Member{ID: strings.Repeat("7", 129)}, nil, 403, ""},
		{"an id of 128 bytes", &auth.Member{ID: strings.Repeat("7", 128)}, nil, 200, `{"user_id":"` + strings.Repeat("7", 128) + `"}`},
		{"an id that is not UTF-8", &auth.Member{ID: "\xff"}, nil, 403, ""},
		{"an id to quote", &auth.Member{ID: "zoë\"\\\n<"}, nil, 200, `{"user_id":"zoë\"\\\n\u003c"}`},
		{"an id with a line break", &auth.Member{ID: "a\nb"}, nil, 200, `{"user_id":"a\nb"}`},
		{"an id with a quote", &auth.Member{ID: `a"b`}, nil, 200, `{"user_id":"a\"b"}`},
		{"an id with a backslash", &auth.Member{ID: `a\b`}, nil, 200, `{"user_id":"a\\b"}`},
		{"an id of a foreign alphabet", &auth.Member{ID: "ü"}, nil, 200, `{"user_id":"ü"}`},
		{"info of any kind", &auth.Member{ID: "7", Info: false}, nil, 200, `{"user_id":"7","user_info":false}`},
		{"info that is no JSON", &auth.Member{ID: "7", Info: make(chan int)}, nil, 403, ""},
		{"info that panics", &auth.Member{ID: "7", Info: panics{}}, nil, 500, ""},
		{"info too large", &auth.Member{ID: "7", Info: strings.Repeat("x", 1024)}, nil, 403, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var l log
			h := newHandler(l.option())
			h.Presence("a", func(context.Context, *user, *auth.Subscription) (*auth.Member, error) { return test.member, test.err })
			a := ask(t, h, subscribe("presence-a"))
			assert.Equal(t, test.status, a.Status)
			assert.Equal(t, test.data, a.ChannelData)
			if test.status == 200 {
				assertSigned(t, test.name, testApp.Secret, a.Auth, "1234.1234:presence-a:"+a.ChannelData)
			} else if test.err == nil && test.member != nil {
				assert.Contains(t, l.String(), "level=ERROR", "the rule is at fault")
			}
		})
	}
}

// panics is info whose encoding panics.
type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("no info") }

func TestMemberLimit(t *testing.T) {
	t.Parallel()
	// {"user_id":"7","user_info":"…"} is 30 bytes and the info.
	for limit, largest := range map[int]int{0: auth.DefaultMemberLimit - 30, 100: 70} {
		for size, status := range map[int]int{largest: 200, largest + 1: 403} {
			h := newHandler(auth.WithMemberLimit(limit))
			h.Presence("a", func(_ context.Context, u *user, _ *auth.Subscription) (*auth.Member, error) {
				return &auth.Member{ID: u.id, Info: strings.Repeat("x", size)}, nil
			})
			assert.Equal(t, status, ask(t, h, subscribe("presence-a")).Status, "limit %d, info of %d", limit, size)
		}
	}
	h := newHandler(auth.WithMemberLimit(-1))
	h.Presence("a", func(_ context.Context, u *user, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.id, Info: strings.Repeat("x", 1<<20)}, nil
	})
	assert.Equal(t, 200, ask(t, h, subscribe("presence-a")).Status)
}

// TestIDsAreQuoted has ids of every character that JSON quotes, each alone.
func TestIDsAreQuoted(t *testing.T) {
	t.Parallel()
	var id string
	h := newHandler()
	h.Presence("a", func(context.Context, *user, *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: id}, nil
	})
	ids := []string{"é", "\u2028", "用户", "😀"}
	for b := range 128 {
		ids = append(ids, string(rune(b)), "7"+string(rune(b))+"8")
	}
	for _, id = range ids {
		a := ask(t, h, subscribe("presence-a"))
		var data struct {
			UserID string `json:"user_id"`
		}
		assert.NoError(t, json.Unmarshal([]byte(a.ChannelData), &data), "%q: %s", id, a.ChannelData)
		assert.Equal(t, id, data.UserID)
		assertSigned(t, id, testApp.Secret, a.Auth, "1234.1234:presence-a:"+a.ChannelData)
	}
}
