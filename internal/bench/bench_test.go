//go:build linux && (amd64 || arm64)

package main_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/websocket"

	main "github.com/onairgo/onair/internal/bench"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "role-") {
		main.Main()
		return
	}
	os.Exit(m.Run())
}

func TestTheWholeBenchmark(t *testing.T) {
	t.Parallel()
	var stdout, stderr strings.Builder
	code := main.Run(t.Context(), []string{"-n=20", "-memory=30", "-rounds=1", "-warm=0s", "-length=1ms", "-report"}, &stdout, &stderr)
	require.Equal(t, 0, code, "%s", &stderr)
	for _, want := range []string{"P1 .* api", "P2 .* api", "P3 .* api", "P4 .* api", "P10 .* api", "P1 .* dispatch", "P4 .* dispatch", "P10 .* dispatch"} {
		assert.Regexp(t, `(?m)^`+want+` +\d+\.\d\dx `, stdout.String())
	}
	assert.Regexp(t, `(?m)^P15 +deliveries lost or out of order +0 +0 +0 +as aimed for$`, stdout.String())
	figures := regexp.MustCompile(`(\d+\.\d\d)x`).FindAllString(stdout.String(), -1)
	assert.NotContains(t, figures, "0.00x", "every figure was measured")
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ arg, want string }{
		{"-n=0", "-n is 0"},
		{"-n=5000", "-n is 5000"},
		{"-memory=10000", "0 to 9900"},
		{"-rounds=0", "-rounds is 0"},
		{"-size=10", "-size is 10"},
		{"fast", `unexpected argument "fast"`},
	} {
		t.Run(tt.arg, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr strings.Builder
			assert.Equal(t, 2, main.Run(t.Context(), []string{tt.arg}, &stdout, &stderr))
			assert.Contains(t, stderr.String(), tt.want)
		})
	}
}

// frame is a frame as a server sends it.
func frame(payload []byte) []byte {
	return append(websocket.AppendFrameHeader(nil, websocket.OpText, len(payload)), payload...)
}

func TestClientCountsWhateverThePieces(t *testing.T) {
	t.Parallel()
	var stream []byte
	for seq := range int64(3) {
		stream = append(stream, frame(main.EventData(seq+1, 100+int(seq)*50))...)
		stream = append(stream, frame([]byte(`{"event":"pusher:pong"}`))...)
	}
	for size := 1; size <= len(stream); size++ {
		c := main.NewClient()
		for rest := stream; len(rest) > 0; {
			n := min(size, len(rest))
			require.NoError(t, c.Feed(rest[:n]))
			rest = rest[n:]
		}
		received, reordered := c.Counts()
		require.Equal(t, int64(3), received, "pieces of %d", size)
		require.Zero(t, reordered, "pieces of %d", size)
	}
}

func TestClientSeesWhatIsOutOfOrder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		seqs      []int64
		reordered int64
	}{
		{[]int64{1, 2, 3, 4}, 0},
		{[]int64{2, 3}, 1},       // the first is missing
		{[]int64{1, 3, 4}, 1},    // one in the middle is
		{[]int64{1, 3, 2, 4}, 3}, // two have changed places
		{[]int64{1, 2, 2, 3}, 1}, // one came twice
	} {
		t.Run(fmt.Sprint(tt.seqs), func(t *testing.T) {
			t.Parallel()
			c := main.NewClient()
			for _, seq := range tt.seqs {
				require.NoError(t, c.Feed(frame(main.EventData(seq, 200))))
			}
			received, reordered := c.Counts()
			assert.Equal(t, int64(len(tt.seqs)), received)
			assert.Equal(t, tt.reordered, reordered)
		})
	}
}

func TestClientNoticesAClose(t *testing.T) {
	t.Parallel()
	assert.ErrorContains(t, main.NewClient().Feed(websocket.AppendClose(nil, 4100, "too slow")), "too slow")
}

func TestReport(t *testing.T) {
	t.Parallel()
	floor := main.Sample{CPU: 10 * time.Millisecond, P50: time.Millisecond}
	for _, tt := range []struct {
		name   string
		server main.Sample
		missed bool
		want   []string // lines
	}{
		{
			"all as aimed for",
			main.Sample{CPU: 1 * time.Millisecond, P50: time.Millisecond},
			false,
			[]string{`P3 .*0\.10x .*0\.40 +0\.15 +as aimed for`, `P10 .*1\.00x .*as aimed for`, `P15 .* 0 .*as aimed for`},
		},
		{
			"between aim and must",
			main.Sample{CPU: 3 * time.Millisecond, P50: 1200 * time.Microsecond},
			false,
			[]string{`P3 .*0\.30x .*met`, `P10 .*1\.20x .*met`},
		},
		{
			"a must missed",
			main.Sample{CPU: 5 * time.Millisecond, P50: time.Millisecond},
			true,
			[]string{`P3 .*0\.50x .*MISSED`, `P2 .*0\.50x .*as aimed for`},
		},
		{
			"latency missed",
			main.Sample{CPU: 1 * time.Millisecond, P50: 2 * time.Millisecond},
			true,
			[]string{`P10 .*2\.00x .*MISSED`},
		},
		{
			"a delivery lost",
			main.Sample{CPU: 1 * time.Millisecond, P50: time.Millisecond, Lost: 1},
			true,
			[]string{`P15 .* 8 .*MISSED`}, // of four cases and two publishers
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text, missed := main.Report(floor, tt.server)
			assert.Equal(t, tt.missed, missed)
			for _, line := range tt.want {
				assert.Regexp(t, `(?m)^`+line+`$`, text)
			}
		})
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{nil, 0.5, 0},
		{[]float64{7}, 0.25, 7},
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{1, 2, 3, 4, 5}, 0.25, 2},
		{[]float64{1, 2, 3, 4, 5}, 0.75, 4},
		{[]float64{1, 2}, 1, 2},
	} {
		assert.InDelta(t, tt.want, main.Quantile(tt.values, tt.q), 1e-9, "%v of %v", tt.q, tt.values)
	}
}
