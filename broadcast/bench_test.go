package broadcast_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/null"
)

type placed struct {
	ID    int      `json:"id"`
	Total string   `json:"total"`
	Lines []string `json:"lines"`
	on    []channel.Channel
}

func (p placed) BroadcastOn() []channel.Channel { return p.on }
func (placed) BroadcastAs() string              { return "order.placed" }

// BenchmarkDispatch measures a dispatch to the null driver. Its floor is what
// cannot be left out: the payload's JSON and one id.
func BenchmarkDispatch(b *testing.B) {
	e := placed{ID: 7, Total: "12.50", Lines: []string{"tea", "milk"}}
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(e); err != nil {
				b.Fatal(err)
			}
			_ = uuid.Must(uuid.NewV7()).String()
		}
	})
	logger := broadcast.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))
	for _, n := range []int{1, 100} {
		e.on = nil
		for i := range n {
			e.on = append(e.on, channel.Private(fmt.Sprintf("orders.%d", i)))
		}
		br := broadcast.New(null.New(), logger)
		b.Run(fmt.Sprintf("channels=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			ctx := b.Context()
			for b.Loop() {
				if err := br.Dispatch(ctx, e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
