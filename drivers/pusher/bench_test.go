package pusher_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	pusherhttp "github.com/pusher/pusher-http-go/v5"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/event"
)

// benchService answers {} as fast as net/http can.
func benchService(b *testing.B) (host string, d *pusher.Driver) {
	b.Helper()
	s := startPlain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "{}")
	}))
	b.Cleanup(s.Close)
	host = strings.TrimPrefix(s.URL, "http://")
	return host, newDriver(b, pusher.Config{App: testApp(), Host: host, Insecure: true})
}

var benchData = map[string]string{"text": strings.Repeat("x", 180)}

// benchTrigger is an event by the library alone.
func benchTrigger(b *testing.B) {
	host, _ := benchService(b)
	client := &pusherhttp.Client{AppID: appID, Key: appKey, Secret: appSecret, Host: host, HTTPClient: &http.Client{Transport: &http.Transport{}}}
	b.ReportAllocs()
	for b.Loop() {
		if err := client.Trigger("private-orders.7", "order.paid", benchData); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDispatch is a dispatch over the driver (P13), beside the floor, a
// POST of net/http on a kept connection with the same body and a query as
// long, and beside the library alone.
func BenchmarkDispatch(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		host, _ := benchService(b)
		client := &http.Client{Transport: &http.Transport{}}
		body := []byte(`{"channels":["private-orders.7"],"data":"{\"text\":\"` + strings.Repeat("x", 180) + `\"}","name":"order.paid"}`)
		url := "http://" + host + "/apps/1001/events?" + strings.Repeat("q", 200)
		b.ReportAllocs()
		for b.Loop() {
			resp, err := client.Post(url, "application/json", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	})
	b.Run("library", benchTrigger)
	b.Run("driver", func(b *testing.B) {
		_, d := benchService(b)
		broadcaster := broadcast.New(d, broadcast.WithLogger(silent))
		b.ReportAllocs()
		for b.Loop() {
			if err := broadcaster.Dispatch(b.Context(), event.Of("order.paid", benchData, channel.Private("orders.7"))); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkBatch is an event of a batch of ten from several goroutines (P14),
// beside one Trigger of the library.
func BenchmarkBatch(b *testing.B) {
	b.Run("trigger", benchTrigger)
	b.Run("driver, per event", func(b *testing.B) {
		_, d := benchService(b)
		list := make([]broadcast.Message, 10)
		for i := range list {
			list[i] = message("order.paid", `{"text":"`+strings.Repeat("x", 180)+`"}`, channel.Private(fmt.Sprint("orders.", i)))
		}
		b.ReportAllocs()
		calls := make(chan struct{})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range calls {
					if err := d.Broadcast(b.Context(), list); err != nil {
						b.Error(err)
					}
				}
			})
		}
		for i := 0; b.Loop(); i++ {
			if i%len(list) == 0 { // the loop counts events
				calls <- struct{}{}
			}
		}
		close(calls)
		wg.Wait()
	})
}
