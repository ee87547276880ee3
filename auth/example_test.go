package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/onairgo/onair/auth"
)

// Student is a user of the application.
type Student struct {
	ID, Name string
}

// currentStudent finds out who sends a request. A real application looks into
// its session or checks a token.
func currentStudent(r *http.Request) (*Student, error) {
	if r.Header.Get("Authorization") == "Bearer ada" {
		return &Student{ID: "7", Name: "Ada"}, nil
	}
	return nil, nil // a guest
}

// A whole endpoint, and what pusher-js gets from it.
func Example() {
	app := auth.App{ID: "1001", Key: "app-key", Secret: "app-secret"}
	h := auth.NewHandler(app, currentStudent)
	h.Private("mentor.{student}", func(_ context.Context, u *Student, s *auth.Subscription) (bool, error) {
		return u.ID == s.Param("student"), nil
	})
	h.Presence("session.{session}", func(_ context.Context, u *Student, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.ID, Info: map[string]string{"name": u.Name}}, nil
	})
	mux := http.NewServeMux()
	mux.Handle("/broadcasting/auth", h)

	for _, name := range []string{"private-mentor.7", "private-mentor.8", "presence-session.1"} {
		form := url.Values{"socket_id": {"1234.1234"}, "channel_name": {name}}
		r := httptest.NewRequest(http.MethodPost, "/broadcasting/auth", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "Bearer ada")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 {"auth":"app-key:3e46a7ea5c451bd35a60e1b5e21210e84614b30a2d219e6cf53f9a5a434db6e4"}
	// 403 {"message":"forbidden"}
	// 200 {"auth":"app-key:bd31448a597c01ad43de8557445aa3c1ccd8393033ae2d249c7d47247fb2b97a","channel_data":"{\"user_id\":\"7\",\"user_info\":{\"name\":\"Ada\"}}"}
}
