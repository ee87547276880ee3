package pusher_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/event"
)

func ExampleNew() {
	driver, err := pusher.New(pusher.Config{
		App:     auth.App{ID: "1001", Key: "278d425bdf160c739803", Secret: "secret"},
		Cluster: "eu",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer driver.Shutdown(context.Background())
	b := broadcast.New(driver)
	_ = b // b.Dispatch(ctx, event)

	_, err = pusher.New(pusher.Config{App: auth.App{ID: "1001"}})
	fmt.Println(err)
	// Output:
	// pusher: config: auth: app "1001": missing Key, Secret; missing Cluster, such as "eu", or the Host of another service
}

func ExampleReverb() {
	config := pusher.Reverb(auth.App{ID: "1001", Key: "key", Secret: "secret"}, "localhost:8080")
	config.Insecure = true // Reverb on the developer's machine does not speak TLS
	driver, err := pusher.New(config)
	if err != nil {
		log.Fatal(err)
	}
	defer driver.Shutdown(context.Background())
	fmt.Println(driver.ClientConfig().WSHost, driver.ClientConfig().WSPort)
	// Output: localhost 8080
}

func ExampleAbly() {
	config, err := pusher.Ably("appid.keyid:secret") // as Ably's dashboard shows it
	if err != nil {
		log.Fatal(err)
	}
	driver, err := pusher.New(config)
	if err != nil {
		log.Fatal(err)
	}
	defer driver.Shutdown(context.Background())
	fmt.Println(config.Host, driver.ClientConfig().WSHost, driver.ClientConfig().Key)
	// Output: rest-pusher.ably.io realtime-pusher.ably.io appid.keyid
}

func ExampleAPIError() {
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer busy.Close()
	driver, err := pusher.New(pusher.Config{
		App:  auth.App{ID: "1001", Key: "key", Secret: "secret"},
		Host: strings.TrimPrefix(busy.URL, "http://"), Insecure: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	b := broadcast.New(driver, broadcast.WithLogger(silent))

	err = b.Dispatch(context.Background(), event.Of("order.paid", nil, channel.Private("orders.7")))
	wait, _ := broadcast.RetryAfter(err)
	fmt.Println(errors.Is(err, pusher.ErrRateLimited), errors.Is(err, broadcast.ErrPermanent), wait)
	for _, part := range broadcast.Undelivered(err) {
		fmt.Println(part.Message.Event, part.Err)
	}
	// Output:
	// true false 30s
	// order.paid pusher: the service answered 429 Too Many Requests; try again after 30s
}

func ExampleDriver_Channels() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"channels":{"presence-room.7":{"user_count":3}}}`)
	}))
	defer service.Close()
	driver, err := pusher.New(pusher.Config{
		App:  auth.App{ID: "1001", Key: "key", Secret: "secret"},
		Host: strings.TrimPrefix(service.URL, "http://"), Insecure: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	rooms, err := driver.Channels(context.Background(), "presence-room.", pusher.UserCount)
	if err != nil {
		log.Fatal(err)
	}
	for _, room := range rooms {
		fmt.Println(room.Name, room.UserCount)
	}
	// Output: presence-room.7 3
}

// Logging a user out everywhere also closes the user's connections.
func ExampleDriver_TerminateUser() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(r.Method, r.URL.Path)
		_, _ = io.WriteString(w, "{}")
	}))
	defer service.Close()
	driver, err := pusher.New(pusher.Config{
		App:  auth.App{ID: "1001", Key: "key", Secret: "secret"},
		Host: strings.TrimPrefix(service.URL, "http://"), Insecure: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := driver.TerminateUser(context.Background(), "42"); err != nil {
		log.Fatal(err)
	}
	// Output: POST /apps/1001/users/42/terminate_connections
}

func ExampleNewWebhook() {
	app := auth.App{ID: "1001", Key: "key", Secret: "secret"}
	hook, err := pusher.NewWebhook(app, func(_ context.Context, batch pusher.WebhookBatch) error {
		for _, e := range batch.Events {
			switch e := e.(type) {
			case pusher.MemberAdded:
				fmt.Println(e.UserID, "joined", e.Channel)
			case pusher.ChannelVacated:
				fmt.Println("nobody is left in", e.Channel)
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/webhooks/pusher", hook)

	// What Pusher Channels sends:
	body := fmt.Sprintf(`{"time_ms":%d,"events":[{"name":"member_added","channel":"presence-room.7","user_id":"42"}]}`, time.Now().UnixMilli())
	r := httptest.NewRequest(http.MethodPost, "/webhooks/pusher", strings.NewReader(body))
	r.Header.Set("X-Pusher-Key", "key")
	r.Header.Set("X-Pusher-Signature", sign("secret", body))
	mux.ServeHTTP(httptest.NewRecorder(), r)
	// Output: 42 joined presence-room.7
}
