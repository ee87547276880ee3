package onair_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

// SessionStarted tells a mentor that a student has begun. Its exported fields
// are what the page receives.
type SessionStarted struct {
	SessionID string `json:"sessionId"`
	Student   string `json:"student"`
	MentorID  string `json:"-"` // routes the event, stays off the wire
}

// BroadcastOn returns the mentor's channel.
func (e SessionStarted) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Private("mentor." + e.MentorID)}
}

// BroadcastAs returns the name that pages listen to as ".session.started".
func (SessionStarted) BroadcastAs() string { return "session.started" }

// User is the application's own type of users.
type User struct{ ID string }

// currentUser finds out who sends a request; nil is a guest. A program looks
// at its session cookie or token.
func currentUser(r *http.Request) (*User, error) {
	if id := r.Header.Get("X-User"); id != "" {
		return &User{ID: id}, nil
	}
	return nil, nil
}

// A whole program: the server that pages connect to, the rules about who may
// listen, and a request that broadcasts an event.
func Example() {
	app := auth.App{ID: "1001", Key: "my-key", Secret: "my-secret"}
	srv, err := server.New(server.Config{App: app})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Shutdown(context.Background())
	b := broadcast.New(srv)

	rules := auth.NewHandler(app, currentUser)
	rules.Private("mentor.{mentor}", func(_ context.Context, u *User, s *auth.Subscription) (bool, error) {
		return u.ID == s.Param("mentor"), nil
	})

	mux := http.NewServeMux()
	mux.Handle("/app/", srv)  // pages connect here
	mux.Handle("/apps/", srv) // programs in other languages publish here
	mux.Handle("/broadcasting/auth", rules)
	mux.HandleFunc("POST /sessions", func(w http.ResponseWriter, r *http.Request) {
		e := SessionStarted{SessionID: "9", Student: "Ada", MentorID: "1"}
		if err := b.Dispatch(r.Context(), e, broadcast.ToOthers(r)); err != nil {
			http.Error(w, "not broadcast", http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	site := httptest.NewServer(mux)
	defer site.Close()

	// Echo asks before it subscribes to echo.private("mentor.1").
	for _, user := range []string{"1", "2"} {
		fmt.Println("user", user, "asks to listen:", post(site.URL+"/broadcasting/auth", user,
			url.Values{"socket_id": {"1.2"}, "channel_name": {"private-mentor.1"}}))
	}
	fmt.Println("a student starts a session:", post(site.URL+"/sessions", "7", nil))
	// Output:
	// user 1 asks to listen: 200 OK
	// user 2 asks to listen: 403 Forbidden
	// a student starts a session: 201 Created
}

// post sends a form as a user, as a page would, and returns the status.
func post(address, user string, form url.Values) string {
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err.Error()
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-User", user)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	return answer.Status
}
