package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/vectortest"
)

// suit is an enum.
type suit string

func (s *suit) UnmarshalText(text []byte) error {
	if string(text) != "hearts" {
		return fmt.Errorf("no suit")
	}
	*s = suit(text)
	return nil
}

// order is a model.
type order struct{ id string }

// room is a channel class.
type room struct{}

func (room) join(context.Context, *phpUser, *auth.Subscription) (bool, error) { return true, nil }

// registeredTest registers in Go what a row says in words.
type registeredTest struct {
	register func(t *testing.T, l *laravel)
	status   int
	agree    bool
}

func private(pattern string, rule func(t *testing.T, s *auth.Subscription) (bool, error)) func(*testing.T, *laravel) {
	return func(t *testing.T, l *laravel) {
		l.Private(pattern, func(_ context.Context, _ *phpUser, s *auth.Subscription) (bool, error) { return rule(t, s) })
	}
}

func typed[T comparable](want T) func(*testing.T, *laravel) {
	return private("o.{id}", func(t *testing.T, s *auth.Subscription) (bool, error) {
		id, err := auth.Param[T](s, "id")
		if err != nil {
			return true, err // the error outweighs
		}
		assert.Equal(t, want, id)
		return true, nil
	})
}

func bindOrder(l *laravel) {
	auth.Bind(l.Handler, "order", func(_ context.Context, raw string) (*order, error) {
		if raw == "x" {
			return nil, auth.ErrNotFound
		}
		return &order{raw}, nil
	})
}

// registered holds the rows whose callbacks are described in words. A row
// without a function does not apply: the compiler refuses what it is about.
var registered = map[string]registeredTest{
	"typed: int with letters":             {typed(0), 403, false},
	"typed: int with digits then letters": {typed(0), 403, false},
	"typed: negative int":                 {typed(-5), 200, true},
	"typed: bool with 0":                  {typed(false), 200, true},
	"typed: enum is not bound": {private("o.{suit}", func(t *testing.T, s *auth.Subscription) (bool, error) {
		got, err := auth.Param[suit](s, "suit")
		assert.Equal(t, suit("hearts"), got)
		return err == nil, err
	}), 200, false},
	"fewer parameters than wildcards": {private("o.{a}.{b}", func(*testing.T, *auth.Subscription) (bool, error) { return true, nil }), 200, true},
	"more parameters than wildcards": {private("o.{a}", func(_ *testing.T, s *auth.Subscription) (bool, error) {
		return s.Param("b") != "", nil
	}), 500, false},
	// Here parameters have names, and the order of arguments cannot be wrong.
	"parameters are positional, not by name": {private("o.{a}.{b}", func(t *testing.T, s *auth.Subscription) (bool, error) {
		assert.Equal(t, "1", s.Param("a"))
		assert.Equal(t, "2", s.Param("b"))
		return true, nil
	}), 200, false},
	"implicit binding: found": {func(t *testing.T, l *laravel) {
		bindOrder(l)
		private("o.{order}", func(t *testing.T, s *auth.Subscription) (bool, error) {
			return auth.Bound[*order](s, "order").id == "5", nil
		})(t, l)
	}, 200, true},
	"implicit binding: not found stops before a later pattern": {func(t *testing.T, l *laravel) {
		bindOrder(l)
		for _, pattern := range []string{"o.{order}", "o.{id}"} {
			private(pattern, func(t *testing.T, s *auth.Subscription) (bool, error) {
				t.Errorf("the rule %s was asked", pattern)
				return true, nil
			})(t, l)
		}
	}, 403, true},
	"implicit binding: parameter name differs from the wildcard": {func(t *testing.T, l *laravel) {
		bindOrder(l)
		private("o.{order}", func(t *testing.T, s *auth.Subscription) (bool, error) {
			return auth.Bound[*order](s, "other") != nil, nil
		})(t, l)
	}, 500, false},
	"explicit binding": {func(t *testing.T, l *laravel) {
		auth.Bind(l.Handler, "thing", func(_ context.Context, raw string) (string, error) { return "bound-" + raw, nil })
		private("o.{thing}", func(t *testing.T, s *auth.Subscription) (bool, error) {
			return auth.Bound[string](s, "thing") == "bound-5", nil
		})(t, l)
	}, 200, true},
	"[object, method] as callback": {func(_ *testing.T, l *laravel) { l.Private("room.{room}", room{}.join) }, 200, false},
	"channel class without join":   {},
	"class that does not exist":    {},
}

// registeredVector reports whether the row agrees.
func registeredVector(t *testing.T, v recorded, test registeredTest) bool {
	l := newLaravel(v)
	test.register(t, l)
	w := httptest.NewRecorder()
	l.ServeHTTP(w, v.request())
	assertJSONAnswer(t, v.Name, w)
	assert.Equal(t, test.status, w.Code, v.Name)
	if test.agree {
		assert.Equal(t, v.Want.Status, w.Code, v.Name)
	}
	if w.Code == http.StatusOK && v.Want.Status == http.StatusOK {
		assertGrant(t, v, w.Body.String())
	}
	return test.agree
}

// orderVector is a row of patterns.json about which of several patterns
// decides; package channel runs the others.
type orderVector struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Input struct {
		Registrations []struct {
			Pattern string          `json:"pattern"`
			Result  json.RawMessage `json:"result"`
			Options struct {
				Guards json.RawMessage `json:"guards"`
			} `json:"options"`
		} `json:"registrations"`
		Channel string `json:"channel"`
	} `json:"input"`
	Want struct {
		Allowed bool `json:"allowed"`
		Calls   []struct {
			Registration int      `json:"registration"`
			Params       []string `json:"params"`
		} `json:"calls"`
	} `json:"want"`
}

func TestLaravelsOrderOfRules(t *testing.T) {
	t.Parallel()
	// Refused at start-up: the second registration, the pattern that is no
	// regular expression, and the one that is more of one than was meant.
	refused := map[string]int{
		"order: same pattern twice: last callback, first place": 2,
		"order: broken pattern first stops everything":          0,
		"order: broken pattern after the match is not reached":  1,
		"order: alternation captures more than meant":           0,
	}
	var n vectortest.Tally
	for _, v := range vectortest.Rows[orderVector](t, "patterns.json") {
		if v.Kind != "order" {
			continue
		}
		row := recorded{}
		row.Input.Key, row.Input.Secret = "k", "s"
		row.Input.Users = map[string]*phpUser{"web": {ID: json.RawMessage("7")}, "admin": {ID: json.RawMessage("99")}}
		l := newLaravel(row)
		registeredAs := map[string]int{}
		for i, r := range v.Input.Registrations {
			c := phpChannel{Pattern: r.Pattern, Guards: r.Options.Guards}
			c.Result.Kind, c.Result.Value = "value", r.Result
			if at, ok := refused[v.Name]; ok && at == i {
				assert.Panics(t, func() { l.channel(c) }, v.Name)
				continue
			}
			l.channel(c)
			registeredAs[r.Pattern] = i
		}
		ch, err := channel.Parse(v.Input.Channel)
		require.NoError(t, err, v.Name)
		id, err := l.Identify(httptest.NewRequest(http.MethodGet, "/", nil))
		require.NoError(t, err, v.Name)
		_, err = l.Authorize(t.Context(), id, "1.1", ch)
		_, differs := refused[v.Name]
		n.Add(!differs)
		if differs {
			continue
		}
		assert.Equal(t, v.Want.Allowed, err == nil, "%s: %v", v.Name, err)
		require.Len(t, l.calls, len(v.Want.Calls), v.Name)
		for i, c := range v.Want.Calls {
			assert.Equal(t, c.Registration, registeredAs[l.calls[i].Pattern], v.Name)
			assert.Equal(t, c.Params, l.calls[i].Params, v.Name)
		}
	}
	n.Report(t, "patterns.json, order", vectortest.Tally{Agree: 8, Differ: 4})
}
