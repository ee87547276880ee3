package server_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/vectortest"
)

// badRequest is a row of the recorded bad inputs of the HTTP API.
type badRequest struct {
	ID    string `json:"id"`
	Input struct {
		Method  string            `json:"method"`
		Path    string            `json:"path"`
		Sign    json.RawMessage   `json:"sign"`
		Body    string            `json:"body"`
		BodyHex string            `json:"body_hex"`
		Headers map[string]string `json:"headers"`
		Raw     string            `json:"raw"`
	} `json:"input"`
	Expected struct {
		Result   string `json:"result"`
		StatusIn []int  `json:"status_in"`
		Why      string `json:"why"`
	} `json:"expected"`
}

// spoiling says how the signature of a bad request is wrong.
type spoiling struct {
	Override   map[string]string   `json:"override"`
	SignOver   bool                `json:"sign_over_override"`
	Truncate   int                 `json:"truncate_signature"`
	Append     string              `json:"append_to_signature"`
	Duplicate  map[string][]string `json:"duplicate_param"`
	Secret     *string             `json:"secret"`
	Timestamp  *string             `json:"timestamp"`
	Version    string              `json:"version"`
	Omit       []string            `json:"omit"`
	Unsigned   map[string]string   `json:"extra_unsigned"`
	Note       string              `json:"note"`
	unsigned   bool
	signedBody []byte
}

func badRequests(t *testing.T) []badRequest {
	t.Helper()
	rows := vectortest.Rows[badRequest](t, "http_bad_inputs.json")
	require.Len(t, rows, 41)
	return rows
}

// TestBadRequests sends every row to one server. After each, a bystander on the
// channels that are aimed at has heard nothing, and hears the next event.
func TestBadRequests(t *testing.T) { // not parallel: one row measures memory
	a := newAPI(t)
	aimedAt := []string{"news", "other", "presence-chat.1", "c0"}
	bystander := a.subscribe(aimedAt...)
	for _, row := range badRequests(t) {
		if row.ID == "API-080" { // takes minutes, or the clock of TestSlowBody
			continue
		}
		t.Run(row.ID, func(t *testing.T) {
			bystander.t = t
			switch row.ID {
			case "API-071":
				status := a.sendRaw(t, "POST /apps/1/events?"+sign("k", "s", "POST", "/apps/1/events", []byte(row.Input.Body), time.Now())+
					" HTTP/1.1\r\nHost: api.test\r\nContent-Length: "+strconv.Itoa(len(row.Input.Body))+"\r\nContent-Length: 3\r\n\r\n"+row.Input.Body)
				assert.Contains(t, row.Expected.StatusIn, status)
			case "API-063":
				a.sendHuge(t, row)
			case "API-059":
				a.sendBad(t, row).ok(t, `{}`)
				bystander.hears("e", "news", "\ufffd")
			default:
				require.Equal(t, "reject", row.Expected.Result)
				got := a.sendBad(t, row)
				assert.Contains(t, row.Expected.StatusIn, got.status, "%s; %s", row.Expected.Why, got.body)
				got.refused(t, got.status)
				if row.ID == "API-066" {
					assert.Contains(t, got.body, "event 9 ")
				}
			}
			bystander.hearsNothing(a, aimedAt...)
		})
	}
}

// sendBad sends a row as it is written down.
func (a *api) sendBad(t *testing.T, row badRequest) answer {
	t.Helper()
	body := row.body(t)
	how := spoiling{signedBody: body}
	switch sign := string(row.Input.Sign); sign {
	case `"none"`:
		how.unsigned = true
	case `"valid"`:
	default:
		dec := json.NewDecoder(bytes.NewReader(row.Input.Sign))
		dec.DisallowUnknownFields()
		require.NoError(t, dec.Decode(&how))
		if how.Note != "" {
			require.Equal(t, "valid for body A, send body B", how.Note)
			how.signedBody = []byte(`{"name":"e","channel":"news","data":"{}"}`)
		}
	}
	var header []string
	for name, value := range row.Input.Headers {
		header = append(header, name, value)
	}
	return a.send(t, row.Input.Method, row.Input.Path, how.query(row.Input.Method, row.Input.Path), body, header...)
}

func (row badRequest) body(t *testing.T) []byte {
	t.Helper()
	if row.Input.BodyHex != "" {
		b, err := hex.DecodeString(row.Input.BodyHex)
		require.NoError(t, err)
		return b
	}
	switch row.Input.Body {
	case "<gzip of 1 GiB zeros>":
		return gzipOfZeros(t, 1<<30)
	case `{"batch":[<9 good>,<1 with data over 10 KiB>]}`:
		good := strings.Repeat(`{"name":"e","channel":"news","data":"{}"},`, 9)
		return fmt.Appendf(nil, `{"batch":[%s{"name":"e","channel":"news","data":"%s"}]}`, good, strings.Repeat("x", 10_241))
	}
	body := row.Input.Body
	if m := regexp.MustCompile(`"<<list:(.*):(\d+)>>"`).FindStringSubmatch(body); m != nil {
		n, _ := strconv.Atoi(m[2])
		list := jsonText(t, numbered(m[1], n))
		body = strings.Replace(body, m[0], list[1:len(list)-1], 1)
	}
	if m := regexp.MustCompile(`<<rep:(.*):(\d+)>>`).FindStringSubmatch(body); m != nil {
		n, _ := strconv.Atoi(m[2])
		body = strings.Replace(body, m[0], strings.Repeat(m[1], n), 1)
	}
	require.NotContains(t, body, "<<")
	return []byte(body)
}

// gzipOfZeros returns a stream of gzip members that inflates to n zeros.
func gzipOfZeros(t *testing.T, n int) []byte {
	t.Helper()
	const member = 1 << 20
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(make([]byte, member))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return bytes.Repeat(b.Bytes(), n/member)
}

// query signs a request and spoils it.
func (how spoiling) query(method, path string) string {
	if how.unsigned {
		return ""
	}
	now := time.Now()
	q := query{{"auth_key", "k"}, {"auth_timestamp", seconds(now)}, {"auth_version", "1.0"}}
	if len(how.signedBody) > 0 {
		q = q.set("body_md5", md5Hex(how.signedBody))
	}
	if how.Version != "" {
		q = q.set("auth_version", how.Version)
	}
	if how.Timestamp != nil {
		switch *how.Timestamp {
		case "now-601":
			now = now.Add(-601 * time.Second)
			q = q.set("auth_timestamp", seconds(now))
		case "now+601":
			now = now.Add(602 * time.Second) // the request takes its time too
			q = q.set("auth_timestamp", seconds(now))
		default:
			q = q.set("auth_timestamp", *how.Timestamp)
		}
	}
	for _, name := range how.Omit {
		q = q.without(name)
	}
	override := func() {
		for name, value := range how.Override {
			q = q.set(name, value)
		}
	}
	if how.SignOver {
		override()
	}
	secret := "s"
	if how.Secret != nil {
		secret = *how.Secret
	}
	q = q.signed(secret, method, path)
	override()
	signature := &q[len(q)-1][1]
	if how.Truncate > 0 {
		*signature = (*signature)[:how.Truncate]
	}
	*signature += how.Append
	for name, value := range how.Unsigned {
		q = q.set(name, value)
	}
	for name, values := range how.Duplicate {
		i := slices.IndexFunc(q, func(p [2]string) bool { return p[0] == name })
		valid := q[i][1]
		q = q.without(name)
		for _, v := range values {
			q = append(q, [2]string{name, strings.ReplaceAll(v, "<valid>", valid)})
		}
	}
	return q.escaped()
}

// sendHuge sends a body of 100 MiB without a signature. The server refuses it
// unread.
func (a *api) sendHuge(t *testing.T, row badRequest) {
	t.Helper()
	require.Equal(t, "<<rep:a:104857600>>", row.Input.Body)
	const size = 104_857_600
	sent := &countingReader{r: io.LimitReader(repeated('a'), size)}
	r, err := http.NewRequestWithContext(t.Context(), row.Input.Method, "http://api.test"+row.Input.Path, sent)
	require.NoError(t, err)
	r.ContentLength = size
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := a.do(t, r)
	runtime.ReadMemStats(&after)
	assert.Contains(t, row.Expected.StatusIn, got.status)
	got.refused(t, got.status)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "bytes allocated, those of the client too")
	assert.Less(t, sent.n.Load(), int64(1<<20), "bytes that the client got rid of")
}

type repeated byte

func (b repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

type countingReader struct {
	r io.Reader
	n atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// sendRaw sends the bytes over a connection of their own and returns the status
// of the answer.
func (a *api) sendRaw(t *testing.T, request string) int {
	t.Helper()
	conn, err := a.dial()
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	return readStatus(t, conn)
}

func readStatus(t *testing.T, r io.Reader) int {
	t.Helper()
	line := make([]byte, len("HTTP/1.1 200"))
	_, err := io.ReadFull(r, line)
	require.NoError(t, err)
	status, err := strconv.Atoi(string(line[len("HTTP/1.1 "):]))
	require.NoError(t, err)
	return status
}

// A body of a byte every five seconds is cut off (API-080), with a signature
// and without.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, secret string
		status       int
	}{{"signed", "s", 408}, {"not signed", "wrong", 401}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t)
				bystander := a.subscribe("news")
				conn, err := a.dial()
				require.NoError(t, err)
				defer conn.Close()
				body := fmt.Sprintf(`{"name":"e","channel":"news","data":"%s"}`, strings.Repeat("x", 961))
				require.Len(t, body, 1000)
				start := time.Now()
				_, err = fmt.Fprintf(conn, "POST /apps/1/events?%s HTTP/1.1\r\nHost: api.test\r\nContent-Length: 1000\r\n\r\n",
					sign("k", tt.secret, "POST", "/apps/1/events", []byte(body), start))
				require.NoError(t, err)
				sending := make(chan struct{})
				go func() {
					defer close(sending)
					for i := range body {
						<-time.After(5 * time.Second)
						if _, err := io.WriteString(conn, body[i:i+1]); err != nil {
							return
						}
					}
				}()
				assert.Equal(t, tt.status, readStatus(t, conn))
				assert.LessOrEqual(t, time.Since(start), 15*time.Second)
				_, err = io.Copy(io.Discard, conn)
				require.NoError(t, err, "the server closes the connection")
				<-sending
				bystander.hearsNothing(a, "news")
			})
		})
	}
}

// A body that arrives late but in time is taken, and the connection goes on
// without a deadline.
func TestBodyInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		conn, err := a.dial()
		require.NoError(t, err)
		defer conn.Close()
		body := `{"name":"e","channel":"news","data":""}`
		for range 2 {
			_, err = fmt.Fprintf(conn, "POST /apps/1/events?%s HTTP/1.1\r\nHost: api.test\r\nContent-Length: %d\r\n\r\n",
				sign("k", "s", "POST", "/apps/1/events", []byte(body), time.Now()), len(body))
			require.NoError(t, err)
			<-time.After(9 * time.Second)
			_, err = io.WriteString(conn, body)
			require.NoError(t, err)
			assert.Equal(t, 200, readStatus(t, conn))
			rest := make([]byte, 4<<10)
			_, err = conn.Read(rest)
			require.NoError(t, err)
			<-time.After(time.Minute)
		}
	})
}
