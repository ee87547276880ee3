package server_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// A program serves its pages and tells them what happens. A page joins with
//
//	const echo = new Echo({broadcaster: 'reverb', key: 'key', wsHost: location.hostname, wsPort: location.port, forceTLS: false})
//	echo.private('orders.7').listen('.order.shipped', e => …)
func Example() {
	app := auth.App{ID: "1001", Key: "key", Secret: "secret"}
	rules := auth.NewHandler(app, func(*http.Request) (*auth.UserData, error) {
		return &auth.UserData{ID: "7"}, nil // the program's own log-in
	})
	rules.Private("orders.{user}", func(_ context.Context, u *auth.UserData, s *auth.Subscription) (bool, error) {
		return u.ID == s.Param("user"), nil
	})

	srv, err := server.New(server.Config{App: app, Authorizer: rules})
	if err != nil {
		fmt.Println(err)
		return
	}
	b := broadcast.New(srv)
	mux := http.NewServeMux()
	mux.Handle("/app/", srv)
	mux.Handle("/apps/", srv)
	mux.Handle("/broadcasting/auth", rules)
	web := httptest.NewServer(mux)

	shipped := event.Of("order.shipped", map[string]int{"id": 1}, channel.Private("orders.7"))
	fmt.Println("dispatched:", b.Dispatch(context.Background(), shipped))

	fmt.Println("shut down:", b.Shutdown(context.Background()), srv.Shutdown(context.Background()))
	web.Close()
	// Output:
	// dispatched: <nil>
	// shut down: <nil> <nil>
}

// One server serves several apps, such as those of tenants. Each is a driver of
// its own.
func ExampleServer_For() {
	srv, err := server.New(server.Config{Resolve: func(_ context.Context, q server.AppQuery) (auth.App, error) {
		if q.ID == "acme" || q.Key == "acme-key" {
			return auth.App{ID: "acme", Key: "acme-key", Secret: "secret"}, nil
		}
		return auth.App{}, server.ErrUnknownApp
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Shutdown(context.Background())
	news := []broadcast.Message{{Event: "hello", Data: "{}", Channels: []channel.Channel{channel.Public("news")}}}
	fmt.Println(srv.For("acme").Broadcast(context.Background(), news))
	fmt.Println(srv.For("other").Ping(context.Background()))
	fmt.Println(srv.Broadcast(context.Background(), news))
	// Output:
	// <nil>
	// server: unknown app "other"
	// server: several apps and none chosen; use For(appID) of the server, such as broadcast.New(srv.For("1001"))
}

// What is connected can be looked at while the server runs.
func ExampleServer_Channels() {
	srv, err := server.New(server.Config{App: auth.App{ID: "1001", Key: "key", Secret: "secret"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Shutdown(context.Background())
	for ch := range srv.Channels() {
		fmt.Println(ch.Kind(), ch.Name(), ch.Subscriptions)
	}
	members, err := srv.Members(context.Background(), channel.Presence("session.9"))
	fmt.Println(len(members), err)
	fmt.Println(srv.Stats().Open)
	// Output:
	// 0 <nil>
	// 0
}

// Hooks tell the program what pages do, without webhooks.
func ExampleHooks() {
	app := auth.App{ID: "1001", Key: "key", Secret: "secret"}
	rules := auth.NewHandler(app, func(*http.Request) (*auth.UserData, error) { return &auth.UserData{ID: "7"}, nil })
	rules.Presence("session.{session}", func(_ context.Context, u *auth.UserData, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.ID}, nil
	})
	srv, err := server.New(server.Config{
		App:        app,
		Authorizer: rules,
		Hooks: server.Hooks{
			MemberJoined: func(_ context.Context, m server.MemberChange) { fmt.Println(m.UserID, "joined", m.Channel) },
			MemberLeft:   func(_ context.Context, m server.MemberChange) { fmt.Println(m.UserID, "left", m.Channel) },
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	web := httptest.NewServer(srv)
	defer web.Close()

	visit(web.Listener.Addr(), "presence-session.9")
	srv.Shutdown(context.Background()) // waits for hooks that are under way
	// Output:
	// 7 joined presence-session.9
	// 7 left presence-session.9
}

// visit is a page that joins a channel and leaves again.
func visit(addr net.Addr, channel string) {
	conn, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	page, err := wstest.Dial(conn, wstest.NewRequest("/app/key?protocol=7"))
	if err != nil {
		fmt.Println(err)
		return
	}
	page.Write(wstest.Text(`{"event":"pusher:subscribe","data":{"channel":"` + channel + `"}}`))
	for text := ""; err == nil && !strings.Contains(text, "subscription_succeeded"); {
		text, err = page.ReadText()
	}
}

// A page asks the program for what it needs to connect.
func ExampleServer_ClientConfig() {
	srv, err := server.New(server.Config{App: auth.App{ID: "1001", Key: "key", Secret: "secret"}, Prefix: "/realtime"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Shutdown(context.Background())
	answer := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://app.example:8080/realtime.json", nil)
	srv.ClientConfig(r).ServeHTTP(answer, r)
	fmt.Println(strings.TrimSpace(answer.Body.String()))
	// Output:
	// {"broadcaster":"reverb","key":"key","cluster":"","wsHost":"app.example","wsPort":8080,"wssPort":8080,"wsPath":"/realtime","forceTLS":false,"enabledTransports":["ws","wss"]}
}
