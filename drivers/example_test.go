package drivers_test

import (
	"encoding/json"
	"fmt"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/drivers"
	"github.com/onairgo/onair/drivers/memory"
)

// FromEnv returns the driver, the credentials for package auth, and the settings
// for the page. A real program omits WithLookup and so reads its own
// environment.
func ExampleFromEnv() {
	environment := map[string]string{
		"BROADCAST_CONNECTION": "pusher",
		"PUSHER_APP_ID":        "1001",
		"PUSHER_APP_KEY":       "key",
		"PUSHER_APP_SECRET":    "secret",
		"PUSHER_APP_CLUSTER":   "eu",
	}
	lookup := func(name string) (string, bool) { v, ok := environment[name]; return v, ok }

	conn, err := drivers.FromEnv(drivers.WithLookup(lookup))
	if err != nil {
		fmt.Println(err)
		return
	}
	b := broadcast.New(conn.Driver)
	page, _ := json.Marshal(conn.Client)
	fmt.Println(b.Connections(), conn.App)
	fmt.Println(string(page))

	delete(environment, "PUSHER_APP_KEY")
	environment["PUSHER_SCHEME"] = "wss"
	_, err = drivers.FromEnv(drivers.WithLookup(lookup))
	fmt.Println(err)
	// Output:
	// [default] app "1001" key "key"
	// {"broadcaster":"pusher","key":"key","cluster":"eu","forceTLS":true}
	// drivers: environment of connection "pusher": missing PUSHER_APP_KEY; PUSHER_SCHEME is neither https nor http
}

// A program can add connections of its own. This one delivers events within the
// program, and is used if the environment names no connection.
func ExampleWithConnection() {
	conn, err := drivers.FromEnv(
		drivers.WithConnection("memory", func(func(string) string) (drivers.Connection, error) {
			return drivers.Connection{
				Driver: memory.New(),
				App:    auth.App{ID: "1", Key: "key", Secret: "secret"},
			}, nil
		}),
		drivers.WithDefault("memory"),
		drivers.WithLookup(func(string) (string, bool) { return "", false }),
	)
	fmt.Println(conn.Name, err)
	// Output:
	// memory <nil>
}
