package onair_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

// visitorOf is a user of the application who holds what nobody else may see.
type visitorOf struct {
	ID       string
	Password string
}

var errInside = errors.New(inside)

// canaryUser logs in whoever names themselves, and fails on demand.
func canaryUser(r *http.Request) (*visitorOf, error) {
	switch id := r.Header.Get("X-User"); id {
	case "":
		return nil, nil
	case "fault":
		return nil, errInside
	case "panic":
		panic(inside)
	default:
		return &visitorOf{ID: id, Password: canarySession}, nil
	}
}

// canaryRules is a handler whose rules end in every way that there is.
func canaryRules(options ...auth.Option) *auth.Handler[visitorOf] {
	h := auth.NewHandler(canaryApp(), canaryUser, options...)
	rule := func(ok bool, err error) func(context.Context, *visitorOf, *auth.Subscription) (bool, error) {
		return func(context.Context, *visitorOf, *auth.Subscription) (bool, error) { return ok, err }
	}
	h.Private("allowed.{id}", rule(true, nil))
	h.Private("denied", rule(false, nil))
	h.Private("passed", rule(true, auth.Pass))
	h.Private("gone", rule(true, fmt.Errorf("%s: %w", inside, auth.ErrNotFound)))
	h.Private("told", rule(false, auth.Deny(http.StatusTeapot, "say please")))
	h.Private("fault", rule(true, errInside))
	h.Private("panic", func(context.Context, *visitorOf, *auth.Subscription) (bool, error) { panic(errInside) })
	h.Private("slow", func(ctx context.Context, _ *visitorOf, _ *auth.Subscription) (bool, error) {
		<-ctx.Done()
		return true, ctx.Err()
	})
	h.Private("number.{n}", func(_ context.Context, _ *visitorOf, s *auth.Subscription) (bool, error) {
		_, err := auth.Param[int](s, "n")
		return err == nil, err
	})
	auth.Bind(h, "model", func(context.Context, string) (*visitorOf, error) { return nil, errInside })
	h.Private("bound.{model}", rule(true, nil))
	h.Presence("room", func(_ context.Context, u *visitorOf, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.ID}, nil
	})
	h.Presence("large", func(_ context.Context, u *visitorOf, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.ID, Info: strings.Repeat(canaryPlain, 100)}, nil
	})
	h.Presence("unencodable", func(_ context.Context, u *visitorOf, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.ID, Info: map[string]any{canaryPlain: func() {}}}, nil
	})
	return h
}

// canaryRequest is a request that carries every credential that pages send.
func canaryRequest(method, path, user, contentType, body string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("X-User", user)
	r.Header.Set("Authorization", "Bearer "+canaryBearer)
	r.Header.Set("X-CSRF-TOKEN", base64.RawURLEncoding.EncodeToString([]byte(canaryCSRF)))
	r.AddCookie(&http.Cookie{Name: "session", Value: canarySession})
	r.AddCookie(&http.Cookie{Name: "XSRF-TOKEN", Value: base64.RawURLEncoding.EncodeToString([]byte(canaryCSRF))})
	return r
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// canaryChannels are names for every outcome of canaryRules, and bad ones.
var canaryChannels = []string{
	"private-allowed.7", "private-encrypted-allowed.7", "private-cache-allowed.7", "private-private-allowed.7", "private-allowed.",
	"private-denied", "private-passed", "private-gone", "private-told", "private-fault", "private-panic", "private-slow",
	"private-number.x", "private-bound.1", "private-unknown", "presence-room", "presence-large", "presence-unencodable",
	"presence-allowed.7", "public", "", "private-", "private-a:b", "#server-to-user-7", strings.Repeat("x", 300),
}

// malformedBodies are bodies that no page sends, with a canary in each.
var malformedBodies = []struct{ contentType, body string }{
	{formType, canaryPlain},
	{formType, "socket_id=" + canaryPlain + "&channel_name=private-allowed.7"},
	{formType, "socket_id=1.1&channel_name[]=" + canaryPlain},
	{formType, "socket_id=1.1&channel_name=" + canaryPlain + "%zz"},
	{formType, "socket_id=1.1&socket_id=1.2&token=" + canaryPlain},
	{formType, strings.Repeat("token="+canaryPlain+"&", 5000)},
	{jsonType, `{"socket_id":"1.1","channel_name":{"` + canaryPlain + `":1}}`},
	{jsonType, `{"socket_id":"1.1","` + canaryPlain + `":1,"` + canaryPlain + `":2}`},
	{jsonType, `{"socket_id":"` + canaryPlain},
	{jsonType, canaryPlain},
	{"multipart/form-data; boundary=" + canaryPlain, "--" + canaryPlain},
	{"", canaryPlain},
}

// TestCanariesInAuthorisation asks the endpoints in every way, as guest, user
// and a user whose session cannot be read, in and out of development mode.
func TestCanariesInAuthorisation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		for _, development := range []bool{false, true} {
			h := canaryRules(auth.WithLogger(w.logger()), auth.WithDevelopment(development), auth.WithRuleTimeout(time.Second))
			endpoints := canaryEndpoints(h)
			for name, endpoint := range endpoints {
				ask := func(method, user, contentType, body string) {
					answer := httptest.NewRecorder()
					endpoint.ServeHTTP(answer, canaryRequest(method, "/broadcasting/"+name, user, contentType, body))
					what := fmt.Sprintf("%s: %s as %q: %.80s", name, method, user, body)
					w.text(what, answer.Body.String())
					if !development { // there, a developer reads what the rule said
						w.client(what, answer.Body.String())
					}
					w.text(what+", header", fmt.Sprint(answer.Header()))
				}
				for _, user := range []string{"", "7", "fault", "panic"} {
					for _, ch := range canaryChannels {
						ask(http.MethodPost, user, formType, "socket_id=1.1&channel_name="+ch)
					}
					ask(http.MethodPost, user, jsonType, `{"socket_id":"1.1","channel_names":["`+strings.Join(canaryChannels, `","`)+`"]}`)
				}
				for _, m := range malformedBodies {
					ask(http.MethodPost, "7", m.contentType, m.body)
				}
				for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, "CANARY"} {
					ask(method, "7", formType, "socket_id=1.1&channel_name=private-allowed.7")
				}
			}
			quiet(t, h)
			w.held(h)
		}
		for _, said := range []string{"auth: cannot decide", "auth: refused", inside} {
			if !strings.Contains(w.logged(), said) {
				t.Errorf("the log does not say %q: it was not watched", said)
			}
		}
	})
}

// quiet waits for the rules that are still under way: package fmt reads what it
// prints without asking whether somebody writes.
func quiet(t *testing.T, h *auth.Handler[visitorOf]) {
	t.Helper()
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

// canaryEndpoints are the handlers of package auth by the end of their path.
func canaryEndpoints(h *auth.Handler[visitorOf]) map[string]http.Handler {
	signIn := h.Users(func(_ context.Context, u *visitorOf) (*auth.UserData, error) { return &auth.UserData{ID: u.ID}, nil })
	foreign := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			next.ServeHTTP(w, r)
		})
	}
	otherToken := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("X-CSRF-TOKEN", canaryCSRF)
			next.ServeHTTP(w, r)
		})
	}
	var csrf auth.CSRF
	return map[string]http.Handler{
		"auth": h, "user-auth": signIn, "foreign-auth": foreign(h), "foreign-user-auth": foreign(signIn),
		"csrf-cookie": csrf.Cookie(), "protected": csrf.Protect(h), "otherwise-protected": otherToken(csrf.Protect(h)),
		"config": auth.ClientConfig{Broadcaster: auth.BroadcasterReverb, Key: canaryApp().Key},
	}
}

// TestCanariesInDecisions asks without HTTP, and prints what it is given.
func TestCanariesInDecisions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		h := canaryRules(auth.WithLogger(w.logger()), auth.WithRuleTimeout(time.Second))
		for _, wire := range canaryChannels {
			ch, err := channel.Parse(wire)
			if err != nil {
				w.err("channel.Parse", err)
				continue
			}
			if _, err := h.Authorize(t.Context(), h.As(&visitorOf{ID: "7"}), "1.1", ch); err != nil {
				w.err("Authorize "+wire, err)
			}
			if _, err := h.Authorize(t.Context(), h.As(nil), "1.1", ch); err != nil {
				w.err("Authorize a guest on "+wire, err)
			}
		}
		_, err := h.Authorize(t.Context(), h.As(&visitorOf{ID: "7"}), canaryPlain, channel.Private("allowed.7"))
		w.err("Authorize a bad socket id", err)
		_, err = h.AuthorizeUser(t.Context(), h.As(nil), "1.1")
		w.err("AuthorizeUser without Users", err)
		_, err = h.Authorize(t.Context(), canarySession, "1.1", channel.Private("allowed.7"))
		w.err("Authorize another's identity", err)
		quiet(t, h)
		id, err := h.Identify(canaryRequest(http.MethodGet, "/app/k", "", "", ""))
		if err != nil {
			t.Fatal(err)
		}
		w.held(id)

		resolved := auth.NewHandler(auth.App{}, canaryUser, auth.WithLogger(w.logger()), auth.WithAppResolver(func(r *http.Request) (auth.App, error) {
			if r.URL.Path == "/fault" {
				return canaryApp(), errInside
			}
			app := canaryApp()
			if r.URL.Path == "/invalid" {
				app.EncryptionKey, app.Former = canarySecret, []auth.KeyPair{{Secret: canaryFormer}}
			}
			return app, nil
		}))
		for _, path := range []string{"/", "/fault", "/invalid"} {
			answer := httptest.NewRecorder()
			resolved.ServeHTTP(answer, canaryRequest(http.MethodPost, path, "7", formType, "socket_id=1.1&channel_name=private-allowed.7"))
			w.client("a resolved app, "+path, answer.Body.String())
		}
		quiet(t, resolved)
		w.held(resolved)

		app := canaryApp()
		for _, v := range []any{app, &app, app.Former, app.Former[0]} {
			w.value(v)
		}
		for _, broken := range []auth.App{
			{ID: "1", Key: "k", Secret: canarySecret + "\n"},
			{ID: "1", Key: "k", Secret: canarySecret, EncryptionKey: canarySecret},
			{ID: "1", Key: "k", Secret: canarySecret, Former: []auth.KeyPair{{Secret: canaryFormer}}},
			{Secret: canarySecret, EncryptionKey: canarySecret},
		} {
			w.err("App.Validate", broken.Validate())
		}
	})
}
