package auth_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/vectortest"
)

// badInput is a row of auth_bad_inputs.json.
type badInput struct {
	ID    string `json:"id"`
	Input struct {
		Method   string            `json:"method"`
		Path     string            `json:"path"`
		AsUser   *string           `json:"as_user"`
		Form     map[string]string `json:"form"`
		Headers  map[string]string `json:"headers"`
		Body     string            `json:"body"`
		Callback string            `json:"callback"`
		Repeat   int               `json:"repeat"`
	} `json:"input"`
	Expected struct {
		Result      string   `json:"result"`
		StatusIn    []int    `json:"status_in"`
		NoBodyField []string `json:"no_body_field"`
	} `json:"expected"`
}

// badUser is the fixture's user.
type badUser struct{ id string }

// fixture is the application that the rows are sent to: rules orders.{id},
// chat.{room} and admin. asked counts the rules that ran.
func fixture(v badInput, log *slog.Logger, asked *int) *auth.Handler[badUser] {
	app := auth.App{ID: "1", Key: "k", Secret: "s-canary"}
	h := auth.NewHandler(app, func(*http.Request) (*badUser, error) {
		if v.Input.AsUser == nil {
			return nil, nil
		}
		return &badUser{*v.Input.AsUser}, nil
	}, auth.WithLogger(log))
	h.Private("orders.{id}", func(ctx context.Context, u *badUser, s *auth.Subscription) (bool, error) {
		*asked++
		if v.Input.Callback == "blocks 60 s" {
			blockFor60s()
		}
		id, err := auth.Param[int](s, "id")
		return strconv.Itoa(id) == u.id, err
	})
	h.Presence("chat.{room}", func(_ context.Context, u *badUser, _ *auth.Subscription) (*auth.Member, error) {
		*asked++
		m := &auth.Member{ID: u.id}
		if v.Input.Callback == "user_info 1025 bytes" {
			m.Info = strings.Repeat("x", 1023) // and two quotes
		}
		return m, nil
	})
	h.Private("admin", func(context.Context, *badUser, *auth.Subscription) (bool, error) { *asked++; return false, nil })
	return h
}

// expand writes out the tokens of a row.
func expand(s string) string {
	return regexp.MustCompile(`<<rep:(.):(\d+)>>`).ReplaceAllStringFunc(s, func(token string) string {
		m := regexp.MustCompile(`<<rep:(.):(\d+)>>`).FindStringSubmatch(token)
		n, err := strconv.Atoi(m[2])
		if err != nil {
			panic(err)
		}
		return strings.Repeat(m[1], n)
	})
}

func (v badInput) request() *http.Request {
	body := expand(v.Input.Body)
	if v.Input.Form != nil {
		form := url.Values{}
		for name, value := range v.Input.Form {
			form.Set(name, value)
		}
		body = form.Encode()
	}
	r := httptest.NewRequest(v.Input.Method, v.Input.Path, strings.NewReader(body))
	if v.Input.Form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range v.Input.Headers {
		r.Header.Set(name, expand(value))
	}
	return r
}

func TestBadInputs(t *testing.T) {
	t.Parallel()
	rows := vectortest.Rows[badInput](t, "auth_bad_inputs.json")
	require.Len(t, rows, 26)
	for _, v := range rows {
		t.Run(v.ID, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testBadInput(t, v) })
		})
	}
}

func testBadInput(t *testing.T, v badInput) {
	var logged bytes.Buffer
	asked := 0
	h := fixture(v, slog.New(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})), &asked)
	var answers []*httptest.ResponseRecorder
	for range max(1, v.Input.Repeat) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, v.request())
		answers = append(answers, w)
	}
	for _, w := range answers {
		assertJSONAnswer(t, v.ID, w)
		for _, field := range append(v.Expected.NoBodyField, "s-canary", "orders.{", ".go", "goroutine") {
			assert.NotContains(t, w.Body.String(), field)
		}
		assert.NotEqual(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	}
	assert.NotContains(t, logged.String(), "s-canary")

	w := answers[0]
	if len(v.Expected.StatusIn) > 0 {
		assert.Contains(t, v.Expected.StatusIn, w.Code)
	}
	special, ok := badInputs[v.ID]
	if ok {
		special(t, h, answers, &asked, logged.String())
	}
	assert.True(t, ok || v.Expected.Result == "reject" && v.Expected.StatusIn != nil, "the row needs a check of its own")
	if slices.Contains([]int{400, 405, 413, 415}, w.Code) {
		assert.Zero(t, asked, "what is malformed reaches no rule")
	}

	// A bystander still gets its answer.
	seven := "7"
	bystander := badInput{}
	bystander.Input.AsUser = &seven
	bystander.Input.Method, bystander.Input.Path = http.MethodPost, "/broadcasting/auth"
	bystander.Input.Form = map[string]string{"channel_name": "private-orders.7", "socket_id": "1.1"}
	other := httptest.NewRecorder()
	r := bystander.request()
	r.RemoteAddr = "198.51.100.7:1234"
	if v.Input.AsUser != nil && v.Input.Callback == "" {
		h.ServeHTTP(other, r)
		assert.Equal(t, http.StatusOK, other.Code)
	}
	require.NoError(t, h.Shutdown(t.Context()))
}

// badInputs are the checks beyond status and body.
var badInputs = map[string]func(t *testing.T, h *auth.Handler[badUser], answers []*httptest.ResponseRecorder, asked *int, logged string){
	// An integer has one spelling, so orders.07 is not order 7. Documented at
	// auth.Param.
	"AUTH-049": func(t *testing.T, _ *auth.Handler[badUser], answers []*httptest.ResponseRecorder, asked *int, _ string) {
		assert.Equal(t, http.StatusForbidden, answers[0].Code)
		assert.Equal(t, 1, *asked)
	},
	"AUTH-057": func(t *testing.T, _ *auth.Handler[badUser], answers []*httptest.ResponseRecorder, _ *int, logged string) {
		assert.Equal(t, http.StatusServiceUnavailable, answers[0].Code)
		assert.Contains(t, logged, "rule took too long")
	},
	"AUTH-062": func(t *testing.T, _ *auth.Handler[badUser], answers []*httptest.ResponseRecorder, _ *int, logged string) {
		assert.Equal(t, http.StatusForbidden, answers[0].Code)
		assert.Contains(t, logged, `"level":"ERROR"`)
		assert.Contains(t, logged, "1053 bytes of JSON, the limit is 1024")
	},
	"AUTH-073": func(t *testing.T, _ *auth.Handler[badUser], answers []*httptest.ResponseRecorder, _ *int, _ string) {
		assert.Equal(t, http.StatusUnsupportedMediaType, answers[0].Code)
	},
	"AUTH-075": func(t *testing.T, _ *auth.Handler[badUser], answers []*httptest.ResponseRecorder, _ *int, _ string) {
		assert.Equal(t, http.StatusMethodNotAllowed, answers[0].Code)
		assert.Equal(t, "OPTIONS, POST", answers[0].Header().Get("Allow"))
		assert.NotContains(t, answers[0].Body.String(), "alert")
	},
	"AUTH-078": func(t *testing.T, _ *auth.Handler[badUser], answers []*httptest.ResponseRecorder, _ *int, _ string) {
		assert.Equal(t, http.StatusNoContent, answers[0].Code)
		for name := range answers[0].Header() {
			assert.NotContains(t, name, "Access-Control")
		}
	},
	// An unknown channel and a denied one are answered alike to the byte, and
	// who asks for too many is no longer listened to.
	"AUTH-085": func(t *testing.T, h *auth.Handler[badUser], answers []*httptest.ResponseRecorder, asked *int, _ string) {
		assert.Equal(t, auth.DefaultRefusals, *asked)
		for i, w := range answers {
			if i < auth.DefaultRefusals {
				assert.Equal(t, http.StatusForbidden, w.Code)
				continue
			}
			assert.Equal(t, http.StatusTooManyRequests, w.Code)
			assert.Equal(t, "1", w.Header().Get("Retry-After"))
		}
		unknown, denied := httptest.NewRecorder(), httptest.NewRecorder()
		for name, w := range map[string]*httptest.ResponseRecorder{"private-unkown.8": unknown, "private-orders.8": denied} {
			r := httptest.NewRequest(http.MethodPost, "/broadcasting/auth", strings.NewReader("socket_id=1.1&channel_name="+name))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = "203.0.113.9:1"
			h.ServeHTTP(w, r)
		}
		assert.Equal(t, denied.Body.String(), unknown.Body.String())
		assert.Equal(t, denied.Header(), unknown.Header())
		assert.Equal(t, denied.Code, unknown.Code)
	},
}
