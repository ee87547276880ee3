package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

var app = auth.App{ID: "1001", Key: "app-key", Secret: "app-secret", EncryptionKey: "TO7HtFuTOdBKLFv8ZgRKdX8ah6TkGJfMHP4TUTkmE2g="}

// try prints what comes of a subscription.
func try(h *auth.Handler[Student], id auth.Identity, ch channel.Channel) {
	_, err := h.Authorize(context.Background(), id, "1234.1234", ch)
	if err == nil {
		fmt.Println(ch, "allowed")
		return
	}
	fmt.Println(ch, err)
}

// Rules are tested without HTTP.
func ExampleHandler_Authorize() {
	h := auth.NewHandler(app, currentStudent)
	h.Private("diary.{student}", func(_ context.Context, u *Student, s *auth.Subscription) (bool, error) {
		return u.ID == s.Param("student"), nil
	})
	ada := h.As(&Student{ID: "7"})
	try(h, ada, channel.Private("diary.7"))
	try(h, ada, channel.Encrypted("diary.7"))
	try(h, ada, channel.Private("diary.8"))
	try(h, ada, channel.Presence("diary.7"))
	try(h, h.As(nil), channel.Private("diary.7"))
	// Output:
	// private-diary.7 allowed
	// private-encrypted-diary.7 allowed
	// private-diary.8 auth: refused with status 403: forbidden: the private rule "diary.{student}" refused
	// presence-diary.7 auth: refused with status 403: forbidden: no rule matches
	// private-diary.7 auth: refused with status 403: forbidden: nobody is logged in
}

func ExampleHandler_Presence() {
	h := auth.NewHandler(app, currentStudent)
	h.Presence("session.{session}", func(_ context.Context, u *Student, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.ID, Info: map[string]string{"id": u.ID, "name": u.Name}}, nil
	})
	grant, err := h.Authorize(context.Background(), h.As(&Student{"7", "Ada"}), "1234.1234", channel.Presence("session.1"))
	fmt.Println(grant.ChannelData, err)
	// Output: {"user_id":"7","user_info":{"id":"7","name":"Ada"}} <nil>
}

func ExampleDeny() {
	h := auth.NewHandler(app, currentStudent)
	h.Private("exam.{exam}", func(context.Context, *Student, *auth.Subscription) (bool, error) {
		return false, auth.Deny(http.StatusGone, "the exam is over")
	})
	_, err := h.Authorize(context.Background(), h.As(&Student{ID: "7"}), "1.1", channel.Private("exam.1"))
	if deny, ok := errors.AsType[*auth.DenyError](err); ok {
		fmt.Println(deny.Status, deny.Message)
	}
	// Output: 410 the exam is over
}

func ExamplePass() {
	h := auth.NewHandler(app, currentStudent)
	h.Private("{kind}.public", func(_ context.Context, _ *Student, s *auth.Subscription) (bool, error) {
		if s.Param("kind") == "secrets" {
			return false, auth.Pass // whoever knows about secrets decides
		}
		return true, nil
	})
	h.Private("secrets.{name}", func(context.Context, *Student, *auth.Subscription) (bool, error) { return false, nil })
	ada := h.As(&Student{ID: "7"})
	try(h, ada, channel.Private("news.public"))
	try(h, ada, channel.Private("secrets.public"))
	// Output:
	// private-news.public allowed
	// private-secrets.public auth: refused with status 403: forbidden: the private rule "secrets.{name}" refused
}

func ExampleParam() {
	h := auth.NewHandler(app, currentStudent)
	h.Private("orders.{order}", func(_ context.Context, _ *Student, s *auth.Subscription) (bool, error) {
		order, err := auth.Param[int64](s, "order")
		return order >= 1000, err
	})
	ada := h.As(&Student{ID: "7"})
	try(h, ada, channel.Private("orders.1001"))
	try(h, ada, channel.Private("orders.01001"))
	// Output:
	// private-orders.1001 allowed
	// private-orders.01001 auth: refused with status 403: forbidden: the private rule "orders.{order}" refused: auth: parameter "order": "01001" does not parse as int64
}

func ExampleBind() {
	type Course struct{ Teacher string }
	courses := map[string]*Course{"go": {Teacher: "7"}}

	h := auth.NewHandler(app, currentStudent)
	auth.Bind(h, "course", func(_ context.Context, raw string) (*Course, error) {
		if c, ok := courses[raw]; ok {
			return c, nil
		}
		return nil, auth.ErrNotFound
	})
	h.Private("course.{course}", func(_ context.Context, u *Student, s *auth.Subscription) (bool, error) {
		return auth.Bound[*Course](s, "course").Teacher == u.ID, nil
	})
	ada := h.As(&Student{ID: "7"})
	try(h, ada, channel.Private("course.go"))
	try(h, ada, channel.Private("course.c"))
	// Output:
	// private-course.go allowed
	// private-course.c auth: refused with status 403: forbidden: the private rule "course.{course}" refused: binding "course": auth: not found
}

func ExampleGuards() {
	h := auth.NewHandler(app, currentStudent)
	h.Guard("staff", func(r *http.Request) (*Student, error) {
		if r.Header.Get("Authorization") == "Bearer headmistress" {
			return &Student{ID: "1", Name: "Grace"}, nil
		}
		return nil, nil
	})
	h.Private("alarms", func(context.Context, *Student, *auth.Subscription) (bool, error) { return true, nil }, auth.Guards("staff"))
	try(h, h.As(&Student{ID: "7"}), channel.Private("alarms"))
	try(h, h.As(&Student{ID: "1"}, "staff"), channel.Private("alarms"))
	// Output:
	// private-alarms auth: refused with status 403: forbidden: nobody is logged in
	// private-alarms allowed
}

func ExampleHandler_Users() {
	h := auth.NewHandler(app, currentStudent)
	signIn := h.Users(func(_ context.Context, u *Student) (*auth.UserData, error) {
		return &auth.UserData{ID: u.ID, Info: map[string]string{"name": u.Name}, Watchlist: []string{"8", "9"}}, nil
	})
	http.NewServeMux().Handle("/broadcasting/user-auth", signIn)

	grant, err := h.AuthorizeUser(context.Background(), h.As(&Student{"7", "Ada"}), "1234.1234")
	fmt.Println(grant.UserData, err)
	// Output: {"id":"7","user_info":{"name":"Ada"},"watchlist":["8","9"]} <nil>
}

func ExampleApp() {
	fmt.Printf("%+v\n", app)
	fmt.Println(auth.App{ID: "1001", EncryptionKey: "short"}.Validate())
	// Output:
	// app "1001" key "app-key"
	// auth: app "1001": missing Key, Secret; encryption key is not 32 bytes in base64; make one with: openssl rand -base64 32
}
