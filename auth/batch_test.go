package auth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

// askBatch sends one form for several channels.
func askBatch(t *testing.T, h http.Handler, names ...string) map[string]answer {
	t.Helper()
	a := ask(t, h, form(url.Values{"socket_id": {"1234.1234"}, "channel_names[]": names}.Encode()))
	require.Equal(t, http.StatusOK, a.Status, a.Raw)
	return batchOf(t, a)
}

func batchOf(t *testing.T, a answer) map[string]answer {
	t.Helper()
	var body struct{ Channels map[string]answer }
	require.NoError(t, json.Unmarshal([]byte(a.Raw), &body), a.Raw)
	return body.Channels
}

func batchHandler(options ...auth.Option) *auth.Handler[user] {
	h := newHandler(options...)
	h.Private("orders.{order}", func(_ context.Context, u *user, s *auth.Subscription) (bool, error) {
		return s.Param("order") == u.id, nil
	})
	h.Private("panic", func(context.Context, *user, *auth.Subscription) (bool, error) { panic("boom") })
	h.Private("teapot", says(false, auth.Deny(418, "I am a teapot")))
	h.Presence("chat.{room}", member)
	return h
}

func TestBatch(t *testing.T) {
	t.Parallel()
	h := batchHandler()
	names := []string{
		"private-orders.7", "private-orders.8", "private-encrypted-orders.7", "presence-chat.1", "private-panic", "private-teapot",
		"public", "private-unknown", "private-", "private-a b", "private-orders.7",
	}
	got := askBatch(t, h, names...)
	require.Len(t, got, len(names)-1, "a name that stands twice is answered once")
	for _, name := range names {
		alone := ask(t, h, subscribe(url.QueryEscape(name)))
		alone.Header, alone.Raw = nil, ""
		assert.Equal(t, alone, got[name], "%s is decided as if it had come alone", name)
	}
	for _, refused := range []string{"private-orders.8", "public", "private-unknown"} {
		assert.Equal(t, answer{Status: 403, Message: "forbidden"}, got[refused])
	}
	assert.Equal(t, 200, got["private-orders.7"].Status)
	assert.Equal(t, 500, got["private-panic"].Status)
	assert.Equal(t, 418, got["private-teapot"].Status)
}

func TestANameThatStandsTwiceInABatchIsDecidedOnce(t *testing.T) {
	t.Parallel()
	var l log
	h := newHandler(l.option(), auth.WithRefusalLimit(0.001, 2))
	asked := 0
	h.Private("a", func(context.Context, *user, *auth.Subscription) (bool, error) { asked++; return false, nil })
	got := askBatch(t, h, "private-a", "private-a", "private-a", "private-b")
	assert.Equal(t, 1, asked)
	assert.Equal(t, 403, got["private-b"].Status, "and counts once as refused")
	assert.Contains(t, l.String(), "channel=private-a")
	assert.Contains(t, l.String(), "channel=private-b")
}

func TestBatchWithoutATimeout(t *testing.T) {
	t.Parallel()
	h := batchHandler(auth.WithRuleTimeout(-1))
	assert.Equal(t, 200, askBatch(t, h, "private-orders.7")["private-orders.7"].Status)
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(auth.WithRuleTimeout(-1))
		h.Private("a.{n}", func(ctx context.Context, u *user, s *auth.Subscription) (bool, error) {
			assert.NoError(t, ctx.Err())
			return deaf(ctx, u, s)
		})
		start := time.Now()
		for name, entry := range askBatch(t, h, "private-a.1", "private-a.2", "private-a.3") {
			assert.Equal(t, 200, entry.Status, name)
		}
		assert.Equal(t, 3*time.Minute, time.Since(start))
	})
}

func TestBatchHasNoEmptyFields(t *testing.T) {
	t.Parallel()
	a := ask(t, batchHandler(), form("socket_id=1.1&channel_names[]=private-orders.8"))
	assert.JSONEq(t, `{"channels":{"private-orders.8":{"status":403,"message":"forbidden"}}}`, a.Raw)
}

func TestBatchInJSON(t *testing.T) {
	t.Parallel()
	r := form(`{"channel_names":["private-orders.7","private-orders.8"],"socket_id":"1.1"}`)
	r.Header.Set("Content-Type", "application/json")
	got := batchOf(t, ask(t, batchHandler(), r))
	assert.Equal(t, 200, got["private-orders.7"].Status)
	assert.Equal(t, 403, got["private-orders.8"].Status)
}

func TestBatchSizes(t *testing.T) {
	t.Parallel()
	h := batchHandler(auth.WithRefusalLimit(-1, 0))
	names := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			// The longest a name can be, and each character escaped.
			list[i] = fmt.Sprintf("private-orders.%s%d", strings.Repeat("@", 180), 10000+i)
		}
		return list
	}
	assert.Len(t, askBatch(t, h, names(100)...), 100)
	for _, n := range []int{0, 101} {
		a := ask(t, h, form(url.Values{"socket_id": {"1.1"}, "channel_names[]": names(n)}.Encode()))
		if n == 0 {
			assert.Equal(t, http.StatusBadRequest, a.Status)
			assert.Equal(t, "channel_name is missing or empty", a.Message)
		} else {
			assert.Equal(t, http.StatusBadRequest, a.Status)
			assert.Equal(t, "channel_names[] takes 1 to 100 names", a.Message)
		}
		body, err := json.Marshal(map[string]any{"socket_id": "1.1", "channel_names": names(n)})
		require.NoError(t, err)
		r := form(string(body))
		r.Header.Set("Content-Type", "application/json")
		a = ask(t, h, r)
		assert.Equal(t, http.StatusBadRequest, a.Status)
		assert.Equal(t, "channel_names[] takes 1 to 100 names", a.Message)
	}
}

func TestBatchAsAWholeCanBeRefused(t *testing.T) {
	t.Parallel()
	h := batchHandler()
	a := ask(t, h, form("socket_id=x&channel_names[]=private-orders.7"))
	assert.Equal(t, http.StatusBadRequest, a.Status)
	assert.Equal(t, "socket_id is missing, or is not two numbers with a dot between them", a.Message)

	tenants := auth.NewHandler(auth.App{}, session("X-User"), quiet, auth.WithAppResolver(func(*http.Request) (auth.App, error) {
		return auth.App{}, auth.Deny(404, "no such tenant")
	}))
	assert.Equal(t, 404, ask(t, tenants, form("socket_id=1.1&channel_names[]=private-orders.7")).Status)
}

func TestGuestsInABatch(t *testing.T) {
	t.Parallel()
	r := form("socket_id=1.1&channel_names[]=private-orders.7&channel_names[]=private-x")
	r.Header.Del("X-User")
	a := ask(t, batchHandler(), r)
	assert.Equal(t, http.StatusOK, a.Status)
	for _, entry := range batchOf(t, a) {
		assert.Equal(t, answer{Status: 403, Message: "forbidden"}, entry)
	}
}

func TestAChannelThatHangsCostsTheOthersOfABatchNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(auth.WithRuleTimeout(time.Second))
		h.Private("hangs.{n}", deaf)
		h.Private("ready", allow)
		start := time.Now()
		got := askBatch(t, h, "private-hangs.1", "private-ready")
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, 503, got["private-hangs.1"].Status)
		assert.Equal(t, 200, got["private-ready"].Status)

		names := make([]string, 100)
		for i := range names {
			names[i] = fmt.Sprintf("private-hangs.%d", i)
		}
		start = time.Now()
		for name, entry := range askBatch(t, h, names...) {
			assert.Equal(t, 503, entry.Status, name)
		}
		assert.Equal(t, 2*time.Second, time.Since(start), "a hundred that hang do not add up")
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

func TestRefusalsInABatchCount(t *testing.T) {
	t.Parallel()
	h := batchHandler(auth.WithRefusalLimit(0.001, 2))
	got := askBatch(t, h, "private-orders.7", "private-orders.8", "private-orders.9", "private-orders.10", "presence-chat.1")
	assert.Equal(t, 200, got["private-orders.7"].Status)
	assert.Equal(t, 403, got["private-orders.8"].Status)
	assert.Equal(t, 403, got["private-orders.9"].Status)
	assert.Equal(t, answer{Status: 429, Message: "too many refused requests"}, got["private-orders.10"])
	assert.Equal(t, 429, got["presence-chat.1"].Status, "no rule is asked any more")
	a := ask(t, h, subscribe("private-orders.7"))
	assert.Equal(t, http.StatusTooManyRequests, a.Status)
	assert.NotEmpty(t, a.Header.Get("Retry-After"))
}

// batchScript returns the JavaScript in the package comment.
func batchScript(t *testing.T) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	require.NoError(t, err)
	_, script, found := strings.Cut(f.Doc.Text(), "\t// batchAuthorizer")
	require.True(t, found)
	script, _, found = strings.Cut("\t// batchAuthorizer"+script, "\nGive it to Echo:")
	require.True(t, found)
	return strings.ReplaceAll(script, "\n\t", "\n")[1:]
}

func TestTheScriptForPagesIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("testdata/batch.js")
	require.NoError(t, err)
	assert.Equal(t, string(file), batchScript(t))
}

func TestTheScriptForPages(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs node")
	}
	var requests atomic.Int32
	h := batchHandler()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h.ServeHTTP(w, r)
	}))
	defer srv.Close()

	// A module must be called .mjs where no package.json says so.
	dir := t.TempDir()
	for from, to := range map[string]string{"batch.js": "batch.mjs", "batch_test.mjs": "run.mjs"} {
		b, err := os.ReadFile("testdata/" + from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, to), b, 0o600))
	}
	var many [][2]string
	for i := range 101 {
		many = append(many, [2]string{"2.2", fmt.Sprintf("presence-chat.%d", i)})
	}
	first := [][2]string{{"1.1", "private-orders.7"}, {"1.1", "private-orders.8"}, {"1.1", "private-encrypted-orders.7"}, {"2.2", "private-orders.7"}}
	bad := [][2]string{{"x", "private-orders.7"}}
	run := func(endpoint string, rounds ...[][2]string) []scriptResult {
		args := []string{filepath.Join(dir, "run.mjs"), endpoint}
		for _, round := range rounds {
			args = append(args, mustMarshal(round))
		}
		out, err := exec.CommandContext(t.Context(), node, args...).Output()
		require.NoError(t, err, "%s", stderrOf(err))
		var results []scriptResult
		require.NoError(t, json.Unmarshal(out, &results), "%s", out)
		return results
	}

	results := run(srv.URL, first, many, bad)
	assert.Equal(t, int32(2+2+1), requests.Load(), "one request a socket and round, and at most 100 names in it")
	require.Len(t, results, len(first)+len(many)+len(bad))
	for _, r := range results {
		switch {
		case r.SocketID == "x":
			assert.Equal(t, "private-orders.7: 400 socket_id is missing, or is not two numbers with a dot between them", r.Error)
		case r.ChannelName == "private-orders.8":
			assert.Equal(t, "private-orders.8: 403 forbidden", r.Error)
			assert.Nil(t, r.Grant)
		default:
			require.NotNil(t, r.Grant, "%s: %s", r.ChannelName, r.Error)
			ch, err := channel.Parse(r.ChannelName)
			require.NoError(t, err)
			want, err := h.Authorize(t.Context(), h.As(&user{"7"}), r.SocketID, ch)
			require.NoError(t, err)
			assert.Equal(t, want, r.Grant)
		}
	}

	srv.Close()
	for _, r := range run(srv.URL, first) {
		assert.Equal(t, r.ChannelName+": no answer fetch failed", r.Error)
	}
}

// scriptResult is what pusher-js is given.
type scriptResult struct {
	SocketID    string      `json:"socketId"`
	ChannelName string      `json:"channelName"`
	Error       string      `json:"error"`
	Grant       *auth.Grant `json:"grant"`
}

func stderrOf(err error) []byte {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.Stderr
	}
	return nil
}
