package pusher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	pusherhttp "github.com/pusher/pusher-http-go/v5"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/internal/pusherproto"
)

// How many bytes of an answer are read. Answers to queries contain lists; of
// other answers, only the beginning matters.
const (
	maxQueryAnswer = 16 << 20
	maxAnswer      = 64 << 10
)

// exchange is one request and its answer. As the RoundTripper of a client that
// is made for one call, it adds what the library lacks: a context, and access to
// the answer.
type exchange struct {
	driver *Driver
	client *pusherhttp.Client
	caller context.Context // the caller's
	ctx    context.Context // caller with the driver's timeout
	id     string          // the idempotency key, if any
	data   []string        // the data of the events that are sent
	limit  int             // the maximum size of a 2xx answer in bytes

	signature string // the request's
	sent      time.Time
	status    int
	header    http.Header
	body      []byte
	err       error
}

// RoundTrip makes the request and keeps the answer. It always reports success
// to the library, which would turn a failure into a text. [Driver.do] then
// looks at what really happened.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.WithContext(x.ctx)
	_, x.signature, _ = strings.Cut(r.URL.RawQuery, pusherproto.ParamSignature+"=")
	x.signature, _, _ = strings.Cut(x.signature, "&")
	x.sent = time.Now()
	if strings.ContainsAny(r.URL.RawQuery, ";+") {
		// The library does not escape them, but servers decode them.
		u := *r.URL
		u.RawQuery = strings.NewReplacer(";", "%3B", "+", "%2B").Replace(u.RawQuery)
		r.URL = &u
	}
	if x.id != "" {
		r.Header = r.Header.Clone()
		r.Header.Set("X-Idempotency-Key", x.id)
	}
	x.err = x.read(x.driver.transport.RoundTrip(r))
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

func (x *exchange) read(resp *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	x.status, x.header = resp.StatusCode, resp.Header
	limit := maxAnswer
	if x.good() {
		limit = x.limit
	}
	x.body, err = io.ReadAll(io.LimitReader(resp.Body, int64(limit)+1))
	if len(x.body) > limit && x.good() {
		x.body = nil
		return fmt.Errorf("%w: it has more than %d bytes", ErrUnexpectedAnswer, limit)
	}
	if !x.good() {
		return nil // the status says enough, even if the body could not be read
	}
	return err
}

func (x *exchange) good() bool { return x.status >= 200 && x.status < 300 }

// do makes one request with a new client and decodes the answer, a JSON object,
// into result.
func (d *Driver) do(ctx context.Context, x *exchange, result any, send func(*pusherhttp.Client) error) error {
	if err := d.enter(ctx); err != nil {
		return err
	}
	defer d.leave()
	x.driver, x.client, x.caller, x.ctx = d, d.client(), ctx, ctx
	if d.timeout > 0 {
		var cancel context.CancelFunc
		x.ctx, cancel = context.WithTimeout(ctx, d.timeout)
		defer cancel()
	}
	x.client.HTTPClient = &http.Client{Transport: x}
	refusal := send(x.client)
	switch {
	case x.sent.IsZero():
		// The library itself refused to send it.
		return broadcast.Permanent(fmt.Errorf("pusher: %w", refusal))
	case errors.Is(x.err, ErrUnexpectedAnswer):
		return x.err
	case x.err != nil:
		return x.networkError()
	case !x.good():
		return x.apiError()
	}
	if err := json.Unmarshal(x.body, result); err != nil || !bytes.HasPrefix(bytes.TrimSpace(x.body), []byte("{")) {
		return fmt.Errorf("%w: status %d, content type %q, %d bytes that are not a JSON object; is there a proxy in between?",
			ErrUnexpectedAnswer, x.status, oneLine(x.mask(x.header.Get("Content-Type"))), len(x.body))
	}
	return nil
}

// post makes a request for which the library has no call.
func (d *Driver) post(ctx context.Context, id, path string, body []byte, data ...string) error {
	return d.trigger(ctx, id, data, func(c *pusherhttp.Client) error {
		path := "/apps/" + c.AppID + path
		params := map[string]string{
			pusherproto.ParamKey:       c.Key,
			pusherproto.ParamTimestamp: fmt.Sprint(time.Now().Unix()),
			pusherproto.ParamVersion:   pusherproto.AuthVersion,
			pusherproto.ParamBodyMD5:   pusherproto.BodyMD5(body),
		}
		query := make(url.Values, len(params)+1)
		for name, value := range params {
			query.Set(name, value)
		}
		signature := d.signer.AppendSignature(nil, pusherproto.StringToSign(http.MethodPost, path, params))
		query.Set(pusherproto.ParamSignature, string(signature))
		scheme := "https://"
		if !c.Secure {
			scheme = "http://"
		}
		r, err := http.NewRequest(http.MethodPost, scheme+c.Host+path+"?"+query.Encode(), bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		resp, err := c.HTTPClient.Do(r)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	})
}

// enter waits until there are fewer than MaxConcurrent requests in progress.
func (d *Driver) enter(ctx context.Context) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	select {
	case <-d.closed:
		return ErrClosed
	default:
	}
	select {
	case d.places <- struct{}{}:
		return nil
	case <-d.closed:
		return ErrClosed
	case <-ctx.Done():
		return contextError(ctx)
	}
}

func (d *Driver) leave() { <-d.places }

// Shutdown shuts down the driver. New requests fail with [ErrClosed]. Shutdown
// waits for the requests in progress and then closes the connections of the
// driver's own transport. If the context is done first, Shutdown returns an
// error that wraps the context's. It may be called repeatedly and concurrently.
func (d *Driver) Shutdown(ctx context.Context) error {
	d.closing.Do(func() { close(d.closed) })
	if err := take(ctx, d.draining); err != nil {
		return err
	}
	defer func() { <-d.draining }()
	// Once Shutdown holds every place, no request is in progress. It keeps the
	// places, because no more requests are made.
	for ; d.held < cap(d.places); d.held++ {
		if err := take(ctx, d.places); err != nil {
			return err
		}
	}
	if d.own != nil {
		d.own.CloseIdleConnections()
	}
	return nil
}

// take takes one of the channel's places. It waits for a free one until the
// context is done. If there is one already, it succeeds even with a context that
// is done.
func take(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	default:
	}
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}
