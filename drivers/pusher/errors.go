package pusher

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/onairgo/onair/broadcast"
)

// Errors to test for with [errors.Is].
var (
	// ErrUnauthorized means that the status is 401. The service does not accept
	// the key, secret or app id, or the clocks differ by more than ten minutes.
	ErrUnauthorized = errors.New("pusher: unauthorized")
	// ErrForbidden means that the status is 403. The app is disabled or over
	// its quota.
	ErrForbidden = errors.New("pusher: forbidden")
	// ErrPayloadTooLarge means that the status is 413.
	ErrPayloadTooLarge = errors.New("pusher: payload too large")
	// ErrRateLimited means that the status is 429.
	ErrRateLimited = errors.New("pusher: rate limited")
	// ErrUnexpectedAnswer means that the status is 2xx but the answer is not
	// one of the API, because it is not a JSON object or is too long. The error
	// is temporary: what answered in place of the service, such as a proxy or a
	// sign-in page, may soon be gone.
	ErrUnexpectedAnswer = errors.New("pusher: unexpected answer")
	// ErrClosed is returned after [Driver.Shutdown].
	ErrClosed = errors.New("pusher: driver is shut down")
)

// APIError reports an answer with a status other than 2xx. It matches
// [broadcast.ErrPermanent] if the service would reject the request again.
type APIError struct {
	// Status is the HTTP status.
	Status int
	// Message is the beginning of the body: one line of printable text, cut
	// after at most 300 bytes. Credentials, the signature and the event's data
	// are hidden where the body repeats them.
	Message string
	// Location is the target of a redirect, without its query. Redirects are
	// not followed.
	Location string
	// Sent is the time of the request by this machine's clock. Date is the time
	// of the answer by the service's clock, or zero if the answer has no date.
	Sent, Date time.Time

	retryAfter time.Duration
}

// maxMessage is the maximum number of bytes of a body that an error repeats.
const maxMessage = 300

// skewWorthTelling is the difference between the clocks above which the error
// for a 401 shows both. It is far less than the ten minutes that the service
// tolerates, and far more than a request takes.
const skewWorthTelling = time.Minute

// Error returns a message with the status, what the service said, and what to
// check.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "pusher: the service answered %d %s", e.Status, http.StatusText(e.Status))
	if e.Location != "" {
		b.WriteString(" to " + e.Location)
	}
	if e.redirect() {
		b.WriteString(", and redirects are not followed; check Host, Path and Insecure")
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if skew := e.Date.Sub(e.Sent); e.Status == http.StatusUnauthorized && !e.Date.IsZero() && skew.Abs() > skewWorthTelling {
		fmt.Fprintf(&b, "; the clocks differ: here it was %s, there %s",
			e.Sent.UTC().Format(time.RFC3339), e.Date.UTC().Format(time.RFC3339))
	}
	if e.retryAfter > 0 {
		fmt.Fprintf(&b, "; try again after %v", e.retryAfter)
	}
	return b.String()
}

// Is reports whether target is one of the errors that the status stands for.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrPayloadTooLarge, broadcast.ErrTooLarge:
		return e.Status == http.StatusRequestEntityTooLarge
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	case broadcast.ErrPermanent:
		return e.permanent()
	}
	return false
}

func (e *APIError) redirect() bool { return e.Status >= 300 && e.Status < 400 }

// permanent includes redirects: they mean that the address is wrong, and waiting
// does not correct that.
func (e *APIError) permanent() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return e.Status < 500
}

// RetryAfter returns how long the service asked to wait, at most 24 hours. It
// returns zero if the service did not ask.
func (e *APIError) RetryAfter() time.Duration { return e.retryAfter }

// refusedWhole reports whether err means that the service accepted no message
// of a batch, either because of something in it or because it does not support
// batches at all.
func refusedWhole(err error) bool {
	e, ok := errors.AsType[*APIError](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// apiError returns the error for an answer with a status other than 2xx.
func (x *exchange) apiError() *APIError {
	e := &APIError{Status: x.status, Message: x.shown(string(x.body)), Sent: x.sent}
	if date, err := http.ParseTime(x.header.Get("Date")); err == nil {
		e.Date = date
	}
	if e.redirect() {
		e.Location = x.shown(location(x.header.Get("Location")))
	} else {
		e.retryAfter = parseRetryAfter(x.header.Get("Retry-After"), e.Date)
	}
	return e
}

// location returns the target of a redirect without the parts that may be
// secret.
func location(header string) string {
	u, err := url.Parse(header)
	if err != nil {
		return ""
	}
	plain := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return plain.String()
}

// maxRetryAfter limits what a service can ask for by mistake.
const maxRetryAfter = 24 * time.Hour

// parseRetryAfter parses a number of seconds or a date. A date is relative to
// the service's own clock, now, or to this machine's if that is zero.
func parseRetryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(strings.TrimSpace(header), 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	if now.IsZero() {
		now = time.Now()
	}
	return max(0, min(at.Sub(now), maxRetryAfter))
}

// shown returns what an error shows of text from the service.
func (x *exchange) shown(text string) string { return x.maskData(oneLine(x.mask(text))) }

// oneLine returns the beginning of a body as one line of printable text.
// Invalid bytes become spaces: without them, the parts of a secret could join.
func oneLine(body string) string {
	cut := len(body) > 2*maxMessage
	body = strings.ToValidUTF8(body[:min(len(body), 2*maxMessage)], " ")
	line := strings.Join(strings.FieldsFunc(body, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
	if len(line) > maxMessage {
		line, cut = strings.ToValidUTF8(line[:maxMessage], ""), true
	}
	if cut {
		line += "…"
	}
	return line
}

// networkError returns the error for a request that got no answer.
func (x *exchange) networkError() error {
	if x.caller.Err() != nil {
		return contextError(x.caller)
	}
	if x.ctx.Err() != nil {
		return fmt.Errorf("pusher: no answer within %v: %w", x.driver.timeout, x.ctx.Err())
	}
	err := x.err
	if e, ok := errors.AsType[*url.Error](err); ok && e.Err != nil {
		err = e.Err // the rest is the signed URL
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		err = fmt.Errorf("the service does not speak TLS; set Insecure if plain HTTP is meant: %w", err)
	}
	if text := err.Error(); x.mask(text) != text {
		return &maskedError{text: "pusher: " + x.mask(text), cause: err}
	}
	return fmt.Errorf("pusher: %w", err)
}

// contextError returns the error for a context that is done, with its cause.
func contextError(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return fmt.Errorf("pusher: %w", cause)
	}
	return fmt.Errorf("pusher: %w: %w", err, cause)
}

// maskedError replaces an error whose text has something that must not be shown.
// errors.Is can compare the cause, but nothing can unwrap it.
type maskedError struct {
	text  string
	cause error
}

func (e *maskedError) Error() string        { return e.text }
func (e *maskedError) GoString() string     { return e.text }
func (e *maskedError) Is(target error) bool { return errors.Is(e.cause, target) }

// mask hides the signature, the secret and the key where a service or a
// transport repeats them. It leaves values of less than 8 bytes, which could be
// ordinary text.
func (x *exchange) mask(text string) string {
	for _, secret := range []string{x.signature, x.client.Secret, x.client.Key} {
		if len(secret) >= 8 {
			text = strings.ReplaceAll(text, secret, "[hidden]")
		}
	}
	return text
}

// maskData hides the parts of line that repeat at least 8 consecutive bytes of
// the data that was sent. The data may be repeated as it is, quoted as in the
// request, or quoted once more as in a JSON answer.
func (x *exchange) maskData(line string) string {
	const run = 8
	places := make(map[string][]int, len(line)) // from each run to its positions in line
	for i := range max(0, len(line)-run+1) {
		places[line[i:i+run]] = append(places[line[i:i+run]], i)
	}
	hidden := make([]bool, len(line))
	hide := func(sent string) {
		for i := range max(0, len(sent)-run+1) {
			found := places[sent[i:i+run]]
			for _, at := range found {
				for j := range run {
					hidden[at+j] = true
				}
			}
			if found != nil {
				delete(places, sent[i:i+run]) // need not be found again
			}
		}
	}
	for _, data := range x.data {
		once := quote(data)
		hide(data)
		hide(once)
		hide(quote(once))
	}
	var b strings.Builder
	for i := range len(line) {
		switch {
		case !hidden[i]:
			b.WriteByte(line[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString("[hidden]")
		}
	}
	return strings.ToValidUTF8(b.String(), "")
}

// quote returns s as it is written between the quotes of a JSON string.
func quote(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	return string(quoted[1 : len(quoted)-1])
}
