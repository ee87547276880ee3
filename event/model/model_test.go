package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/model"
	"github.com/onairgo/onair/internal/vectortest"
)

const (
	post     model.Class = "App.Models.Post"
	softPost model.Class = `App\Models\SoftPost`
	user     model.Class = "App.Models.User"
)

// TestLaravel compares with what Laravel sent for the same changes.
func TestLaravel(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	soft := fields{"id": 2, "title": "S", "secret": nil, "deleted_at": nil}
	trashed := fields{"id": 2, "title": "S", "secret": nil, "deleted_at": "2024-01-02T03:04:05.000000Z"}
	everywhere := func(changes []model.Change) (out []event.Event) {
		for _, c := range changes {
			out = append(out, c.Also(channel.Public("posts"), channel.Private("all-posts")))
		}
		return out
	}
	ours := map[string][]event.Event{
		"model: created": {post.Created(1, fields{"id": 1, "title": "T", "deleted_at": nil})},
		"model: updated": {post.Updated(1, fields{"id": 1, "title": "U", "deleted_at": nil})},
		"model: soft deleted: trashed and deleted":     everywhere(softPost.SoftDelete(2, trashed)),
		"model: restored":                              everywhere(softPost.Restore(2, soft)),
		"model: withoutBroadcasting":                   nil, // nothing is sent unless the program says so
		"model: custom broadcastOn, As, With: created": {post.Created(1, nil).On(channel.Public("posts.created")).As("post.created").With(fields{"title": "C"})},
		"model: custom: deleted has no channels":       {post.Deleted(1, fields{"id": 1}).On()},
		"channel from a model":                         {event.Of("e", []int{}, user.Channel(7), channel.Public(user.ChannelName(7)))},
	}
	var n vectortest.Tally
	for _, row := range vectortest.Rows[vectortest.Dispatched](t, "dispatch.json") {
		if !strings.HasPrefix(row.Name, "model: ") && row.Name != "channel from a model" {
			continue
		}
		n.Add(true)
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			events, ok := ours[row.Name]
			require.True(t, ok, "the row has no counterpart")
			var sent []broadcast.Message
			for _, e := range events {
				sent = append(sent, send(t, e)...)
			}
			require.Len(t, sent, len(row.Want.Requests))
			for i, want := range row.Want.Requests {
				require.Equal(t, want.Body.Name, sent[i].Event)
				require.Equal(t, fmt.Sprint(want.Channels()), fmt.Sprint(sent[i].Channels))
				require.JSONEq(t, string(want.Data), sent[i].Data)
			}
		})
	}
	n.Report(t, "dispatch.json, models", vectortest.Tally{Agree: 8})
}

var nowhere = broadcast.DriverFunc(func(context.Context, []broadcast.Message) error { return nil })

func send(t *testing.T, e event.Event) (messages []broadcast.Message) {
	t.Helper()
	deliveries, err := broadcast.New(nowhere).Prepare(t.Context(), e)
	require.NoError(t, err)
	for _, d := range deliveries {
		messages = append(messages, d.Message)
	}
	return messages
}

func TestClass(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		class         model.Class
		base, pattern string
	}{
		{"App.Models.Post", "Post", "App.Models.Post.{post}"},
		{`\App\Models\OrderItem`, "OrderItem", "App.Models.OrderItem.{orderItem}"},
		{"User", "User", "User.{user}"},
		{"tenant.acme.User", "User", "tenant.acme.User.{user}"},
	} {
		require.Equal(t, test.base, test.class.Base())
		require.Equal(t, test.pattern, test.class.Pattern())
		p, err := channel.ParsePattern(test.class.Pattern())
		require.NoError(t, err)
		params, ok := p.Match(test.class.Channel("a7").RuleName())
		require.True(t, ok)
		require.Equal(t, []string{"a7"}, params)
	}
}

type (
	number int64
	text   string
	point  struct{ X, Y int }
)

func TestKeys(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0198a1b2-0000-7000-8000-000000000001")
	for _, test := range []struct {
		key  any
		want string
	}{
		{7, "7"},
		{int64(-7), "-7"},
		{uint8(7), "7"},
		{number(7), "7"},
		{"5b2c", "5b2c"},
		{text("007"), "007"},
		{id, id.String()},
		{&id, id.String()},
		{json.Number("12"), "12"},
	} {
		require.Equal(t, "private-App.Models.Post."+test.want, post.Channel(test.key).String())
	}
}

func TestUnusableKeysAreRefused(t *testing.T) {
	t.Parallel()
	seven := 7
	for _, test := range []struct {
		key  any
		text string
	}{
		{nil, "(<nil>)"},
		{&seven, "(*int)"},
		{(*uuid.UUID)(nil), "(nil *uuid.UUID)"},
		{1.5, "(float64)"},
		{true, "(bool)"},
		{point{}, "(model_test.point)"},
		{failing{}, "(model_test.failing)"},
		{"", "empty segment"},
		{"a b", `' '`},
		{"a..b", "empty segment"},
	} {
		_, err := broadcast.New(nowhere).Prepare(t.Context(), post.Created(test.key, point{}))
		_, ok := errors.AsType[*channel.NameError](err)
		require.True(t, ok, "%v of key %v", err, test.key)
		require.ErrorContains(t, err, test.text)
	}
}

type failing struct{}

func (failing) MarshalText() ([]byte, error) { return nil, errors.New("no text") }

func TestChangesAreValues(t *testing.T) {
	t.Parallel()
	a := post.Created(1, point{})
	b := a.Also(channel.Public("b1")).Also(channel.Public("b2")).Also(channel.Public("b")) // three, so that an append would have room
	c := b.Also(channel.Public("c"))
	d := b.Also(channel.Public("d"))
	require.Equal(t, "[private-App.Models.Post.1]", fmt.Sprint(a.BroadcastOn()))
	require.Equal(t, "[private-App.Models.Post.1 b1 b2 b c]", fmt.Sprint(c.BroadcastOn()))
	require.Equal(t, "[private-App.Models.Post.1 b1 b2 b d]", fmt.Sprint(d.BroadcastOn()))
	require.Equal(t, "[e f]", fmt.Sprint(d.On(channel.Public("e")).Also(channel.Public("f")).BroadcastOn()))
	require.Equal(t, "PostCreated", a.As("x").As("").BroadcastAs())
	require.Contains(t, send(t, a.With(1).With(nil))[0].Data, `"model"`)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		e    event.Event
		is   error
		text string
	}{
		{name: "no model", e: post.Created(1, nil), is: model.ErrNoModel, text: "PostCreated of App.Models.Post"},
		{name: "nil pointer", e: post.Deleted(1, (*point)(nil)), is: model.ErrNoModel},
		{name: "no class", e: model.Class("").Created(1, point{}), is: model.ErrNoClass},
		{name: "no base name", e: model.Class(`App\`).Created(1, point{}), is: model.ErrNoClass},
		{name: "the zero change", e: model.Change{}, is: model.ErrNoClass},
		{name: "list", e: post.Created(1, []int{1}), text: "event: []int encodes as a JSON array"},
		{name: "string", e: post.Created(1, "x"), text: "JSON string"},
		{name: "number", e: post.Created(1, 1), text: "JSON number"},
		{name: "boolean", e: post.Created(1, false), text: "JSON boolean"},
		{name: "cannot be encoded", e: post.Created(1, struct{ F func() }{}), text: "func()"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := broadcast.New(nowhere).Prepare(t.Context(), test.e)
			require.Error(t, err)
			require.ErrorContains(t, err, test.text)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
		})
	}
}

func TestModelsMarksAreNotEscaped(t *testing.T) {
	t.Parallel()
	m := send(t, post.Created(1, map[string]string{"html": "<b>&"}))[0]
	require.Contains(t, m.Data, `"<b>&"`)
}
