package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/onairgo/onair/auth"
)

// post sends a form as the page of a student and prints the answer.
func post(h http.Handler, body string) {
	r := httptest.NewRequest(http.MethodPost, "/broadcasting/auth", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer ada")
	r.Header.Set("X-Tenant-ID", "red")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
}

func anyStudent(context.Context, *Student, *auth.Subscription) (bool, error) { return true, nil }

// This handler decides several channels in one request. The package
// documentation contains the JavaScript for the page.
func ExampleHandler_batch() {
	h := auth.NewHandler(app, currentStudent)
	h.Private("mentor.{student}", func(_ context.Context, u *Student, s *auth.Subscription) (bool, error) {
		return u.ID == s.Param("student"), nil
	})
	post(h, "socket_id=1234.1234&channel_names[]=private-mentor.7&channel_names[]=private-mentor.8")
	// Output: 200 {"channels":{"private-mentor.7":{"status":200,"auth":"app-key:3e46a7ea5c451bd35a60e1b5e21210e84614b30a2d219e6cf53f9a5a434db6e4"},"private-mentor.8":{"status":403,"message":"forbidden"}}}
}

func ExampleWithDevelopment() {
	h := auth.NewHandler(app, currentStudent, auth.WithDevelopment(true))
	h.Private("mentor.{student}", anyStudent)
	post(h, "socket_id=1234.1234&channel_name=private-mentors.7")
	post(h, "socket_id=1234.1234&channel_name=private-private-mentor.7")
	// Output:
	// 403 {"message":"forbidden: no rule matches: the closest pattern is \"mentor.{student}\""}
	// 403 {"message":"forbidden: no rule matches: the name has two prefixes; Echo adds one itself, so leave \"private-\" out in the page"}
}

// Tenants with keys of their own.
func ExampleWithAppResolver() {
	tenants := map[string]auth.App{
		"red":  {ID: "1", Key: "red-key", Secret: "red-secret"},
		"blue": {ID: "2", Key: "blue-key", Secret: "blue-secret"},
	}
	h := auth.NewHandler(auth.App{}, currentStudent, auth.WithAppResolver(func(r *http.Request) (auth.App, error) {
		tenant, ok := tenants[r.Header.Get("X-Tenant-ID")]
		if !ok {
			return auth.App{}, auth.Deny(http.StatusNotFound, "unknown tenant")
		}
		return tenant, nil
	}))
	h.Private("news", anyStudent)
	post(h, "socket_id=1234.1234&channel_name=private-news")
	// Output: 200 {"auth":"red-key:45bd52773a65d87a5408bad1330f766dbc91cc831a05d861bbaf5dcd58fe36dd"}
}

// This handler serves a single-page application on another host, which sends
// cookies with its requests.
func ExampleWithAllowedOrigins() {
	h := auth.NewHandler(app, currentStudent,
		auth.WithAllowedOrigins("https://app.example.com"), auth.WithAllowedHeaders("X-Tenant-ID"))
	r := httptest.NewRequest(http.MethodOptions, "/broadcasting/auth", nil)
	r.Header.Set("Origin", "https://app.example.com")
	r.Header.Set("Access-Control-Request-Method", "POST")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code)
	fmt.Println(w.Header().Get("Access-Control-Allow-Origin"))
	fmt.Println(w.Header().Get("Access-Control-Allow-Headers"))
	// Output:
	// 204
	// https://app.example.com
	// Accept, Authorization, Content-Type, X-CSRF-TOKEN, X-Requested-With, X-Socket-ID, X-XSRF-TOKEN, X-Tenant-Id
}

// This handler runs behind a reverse proxy that writes the client's address
// into a header.
func ExampleWithClientKey() {
	h := auth.NewHandler(app, currentStudent,
		auth.WithRefusalLimit(0.5, 2), // two at once, then one every two seconds
		auth.WithClientKey(func(r *http.Request) string { return r.Header.Get("X-Real-IP") }))
	for range 3 {
		r := httptest.NewRequest(http.MethodPost, "/broadcasting/auth", strings.NewReader("socket_id=1.1&channel_name=private-a"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Real-IP", "203.0.113.9")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Printf("%d %q\n", w.Code, w.Header().Get("Retry-After"))
	}
	// Output:
	// 403 ""
	// 403 ""
	// 429 "2"
}

// Each tenant has a cookie of its own, under the name that its front end
// expects.
func ExampleCSRF() {
	csrf := auth.CSRF{CookieName: func(r *http.Request) string { return "XSRF-TOKEN-" + r.Header.Get("X-Tenant-ID") }}
	mux := http.NewServeMux()
	mux.Handle("/sanctum/csrf-cookie", csrf.Cookie())
	mux.Handle("/orders", csrf.Protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })))

	first := httptest.NewRequest(http.MethodGet, "/sanctum/csrf-cookie", nil)
	first.Header.Set("X-Tenant-ID", "red")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, first)
	cookie := w.Result().Cookies()[0]
	fmt.Println(w.Code, cookie.Name)

	for _, token := range []string{"", cookie.Value} {
		order := httptest.NewRequest(http.MethodPost, "/orders", nil)
		order.Header.Set("X-Tenant-ID", "red")
		order.AddCookie(cookie)
		order.Header.Set("X-XSRF-TOKEN", token)
		w = httptest.NewRecorder()
		mux.ServeHTTP(w, order)
		fmt.Println(w.Code)
	}
	// Output:
	// 204 XSRF-TOKEN-red
	// 403
	// 201
}

// This handler tells a page how to connect to a server that you run yourself.
func ExampleClientConfig() {
	config := auth.ClientConfig{
		Broadcaster: auth.BroadcasterReverb, Key: app.Key,
		WSHost: "localhost", WSPort: 8080, EnabledTransports: []string{"ws", "wss"},
	}
	http.NewServeMux().Handle("GET /broadcasting/config", config)
	b, err := json.Marshal(config)
	fmt.Println(string(b), err)
	// Output: {"broadcaster":"reverb","key":"app-key","cluster":"","wsHost":"localhost","wsPort":8080,"forceTLS":false,"enabledTransports":["ws","wss"]} <nil>
}
