package server_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"

	pusher "github.com/pusher/pusher-http-go/v5"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/server"
)

// Another program, in any language, publishes with the pusher-http SDK it
// already has: only the host changes.
func Example_httpAPI() {
	app := auth.App{ID: "1001", Key: "key", Secret: "secret"}
	srv, err := server.New(server.Config{App: app})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Shutdown(context.Background())
	web := httptest.NewServer(srv)
	defer web.Close()

	client := pusher.Client{AppID: app.ID, Key: app.Key, Secret: app.Secret, Host: strings.TrimPrefix(web.URL, "http://")}
	info := "subscription_count"
	channels, err := client.TriggerWithParams("news", "article.published", map[string]int{"id": 7}, pusher.TriggerParams{Info: &info})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("listeners:", *channels.Channels["news"].SubscriptionCount)

	client.Secret = "a wrong one"
	err = client.Trigger("news", "article.published", nil)
	fmt.Println("refused:", strings.Contains(err.Error(), "auth_signature does not match"))
	// Output:
	// listeners: 0
	// refused: true
}
