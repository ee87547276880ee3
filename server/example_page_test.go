package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// LessonBooked is an event for the page of one mentor.
type LessonBooked struct {
	Lesson string `json:"lesson"`
	Mentor string `json:"-"` // says who hears it, and stays off the wire
}

func (e LessonBooked) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Private("mentor." + e.Mentor)}
}

func (LessonBooked) BroadcastAs() string { return "lesson.booked" }

// mentor is the program's own type of users.
type mentor struct{ id string }

func loggedIn(r *http.Request) (*mentor, error) {
	cookie, err := r.Cookie("login") // a program that is not an example would look up a session
	if err != nil {
		return nil, nil // a guest
	}
	return &mentor{cookie.Value}, nil
}

// A whole program, and a page that hears what it dispatches. The server decides
// in process who may listen, by the cookie that came with the connection.
func Example_page() {
	app := auth.App{ID: "1001", Key: "key", Secret: "secret"}
	rules := auth.NewHandler(app, loggedIn)
	rules.Private("mentor.{mentor}", func(_ context.Context, m *mentor, s *auth.Subscription) (bool, error) {
		return m.id == s.Param("mentor"), nil
	})
	srv, err := server.New(server.Config{App: app, Authorizer: rules})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/app/", srv)
	web := httptest.NewServer(mux)
	defer web.Close()
	defer srv.Shutdown(context.Background())

	p := openPage(web.Listener.Addr().String(), "login=7")
	defer p.Close()
	p.Write(wstest.Text(`{"event":"pusher:subscribe","data":{"channel":"private-mentor.7","auth":""}}`))
	printMessage(p)
	p.Write(wstest.Text(`{"event":"pusher:subscribe","data":{"channel":"private-mentor.8","auth":""}}`))
	printMessage(p)
	printMessage(p)

	b := broadcast.New(srv)
	if err := b.Dispatch(context.Background(), LessonBooked{Lesson: "chess", Mentor: "7"}); err != nil {
		fmt.Println(err)
	}
	printMessage(p)
	// Output:
	// pusher_internal:subscription_succeeded private-mentor.7 "{}"
	// pusher:error private-mentor.8 {"code":4009,"message":"forbidden"}
	// pusher:subscription_error private-mentor.8 "{\"type\":\"AuthError\",\"error\":\"forbidden\",\"status\":403}"
	// lesson.booked private-mentor.7 "{\"lesson\":\"chess\"}"
}

// openPage does what pusher-js does in a browser.
func openPage(addr, cookie string) *wstest.Client {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		panic(err)
	}
	r := wstest.NewRequest("/app/key?protocol=7")
	r.Header.Set("Cookie", cookie)
	p, err := wstest.Dial(conn, r)
	if err != nil {
		panic(err)
	}
	p.ReadText() // the connection is established
	return p
}

func printMessage(p *wstest.Client) {
	text, err := p.ReadText()
	if err != nil {
		panic(err)
	}
	var m struct {
		Event, Channel string
		Data           json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	fmt.Println(m.Event, m.Channel, string(m.Data))
}
