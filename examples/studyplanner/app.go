package main

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/drivers"
	"github.com/onairgo/onair/server"
)

// The page, with the published browser builds of pusher-js and laravel-echo so
// that it works without a network.
//
//go:embed web
var web embed.FS

// app is the application: its state, and the broadcaster of its events.
type app struct {
	planner     *planner
	connection  drivers.Connection
	broadcaster *broadcast.Broadcaster
	embedded    *server.Server // nil when another connection is chosen
	warning     string         // for the page, if it will hear nothing
}

func newApp(s settings, env func(string) (string, bool)) (*app, error) {
	a := &app{}
	var err error
	if a.planner, err = loadPlanner(s.data); err != nil {
		return nil, err
	}
	a.connection, err = drivers.FromEnv(drivers.WithLookup(env), drivers.WithDefault("embedded"),
		drivers.WithConnection("embedded", func(func(string) string) (drivers.Connection, error) { return a.embed(s) }))
	if err != nil {
		return nil, err
	}
	if a.embedded == nil && a.connection.Client == nil {
		a.warning = "BROADCAST_CONNECTION is " + a.connection.Name + ": events are not sent to browsers, so nothing will arrive in this page."
	}
	a.broadcaster = broadcast.New(a.connection.Driver)
	return a, nil
}

// embed creates the server inside this program.
func (a *app) embed(s settings) (drivers.Connection, error) {
	var key [32]byte
	rand.Read(key[:])
	app := auth.App{ID: s.appID, Key: s.appKey, Secret: s.appSecret, EncryptionKey: base64.StdEncoding.EncodeToString(key[:])}
	if app.Secret == "" {
		app.Secret = rand.Text()
	}
	srv, err := server.New(server.Config{App: app, DrainWindow: time.Second})
	if err != nil {
		return drivers.Connection{}, err
	}
	a.embedded = srv
	return drivers.Connection{Driver: srv, App: app}, nil
}

// client returns what the page needs to connect, or nil if it cannot connect.
func (a *app) client(r *http.Request) *auth.ClientConfig {
	if a.embedded != nil {
		c := a.embedded.ClientConfig(r)
		return &c
	}
	return a.connection.Client
}

func (a *app) routes() http.Handler {
	csrf := auth.CSRF{InsecureCookie: true} // the demonstration speaks plain HTTP
	pages := http.NewServeMux()
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	pages.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		csrf.Token(w, r)
		http.ServeFileFS(w, r, files, "index.html")
	})
	pages.Handle("GET /web/", http.StripPrefix("/web/", http.FileServerFS(files)))
	pages.HandleFunc("GET /start", a.start)
	pages.HandleFunc("POST /login", a.login)
	pages.HandleFunc("POST /logout", a.logout)
	pages.HandleFunc("GET /state", a.loggedIn(a.state))
	pages.HandleFunc("POST /sessions", a.loggedIn(a.startSession))
	pages.HandleFunc("POST /sessions/{id}/messages", a.inSession(a.message))
	pages.HandleFunc("POST /sessions/{id}/note", a.inSession(a.note))
	pages.HandleFunc("POST /sessions/{id}/homework", a.inSession(a.homework))

	rules := a.rules()
	mux := http.NewServeMux()
	mux.Handle("/", csrf.Protect(pages))
	mux.Handle("/broadcasting/auth", rules)
	mux.Handle("/broadcasting/user-auth", rules.Users(func(_ context.Context, u *user) (*auth.UserData, error) {
		return &auth.UserData{ID: strconv.Itoa(u.ID), Info: map[string]string{"name": u.Name}}, nil
	}))
	if a.embedded != nil {
		mux.Handle("/app/", a.embedded)
		mux.Handle("/apps/", a.embedded)
	}
	return mux
}

// rules are the application's routes/channels.php.
func (a *app) rules() *auth.Handler[user] {
	h := auth.NewHandler(a.connection.App, a.currentUser)
	h.Private("mentor.{mentorId}", func(_ context.Context, u *user, s *auth.Subscription) (bool, error) {
		id, err := auth.Param[int](s, "mentorId")
		return u.Role == roleMentor && u.ID == id, err
	})
	h.Private("App.Models.User.{id}", func(_ context.Context, u *user, s *auth.Subscription) (bool, error) {
		id, err := auth.Param[int](s, "id")
		return u.ID == id, err
	})
	// This rule also covers the encrypted channel of a session.
	h.Private("session.{sessionId}", func(_ context.Context, u *user, s *auth.Subscription) (bool, error) {
		return a.planner.session(s.Param("sessionId"), u) != nil, nil
	})
	h.Presence("session.{sessionId}", func(_ context.Context, u *user, s *auth.Subscription) (*auth.Member, error) {
		if a.planner.session(s.Param("sessionId"), u) == nil {
			return nil, nil
		}
		// Echo passes only Info to the page, so Info holds the id too.
		return &auth.Member{
			ID:   strconv.Itoa(u.ID),
			Info: map[string]string{"id": strconv.Itoa(u.ID), "name": u.Name, "role": u.Role},
		}, nil
	})
	return h
}
