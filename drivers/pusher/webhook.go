package pusher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"golang.org/x/time/rate"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/bodytime"
	"github.com/onairgo/onair/internal/pusherproto"
)

// The headers of a webhook request.
const (
	webhookKeyHeader       = "X-Pusher-Key"
	webhookSignatureHeader = "X-Pusher-Signature"
)

// DefaultWebhookMaxAge is the default maximum age of a webhook. It allows for
// the five minutes during which Pusher Channels retries, and for five minutes of
// difference between clocks.
const DefaultWebhookMaxAge = 10 * time.Minute

// webhookClockSkew is how far a sender's clock may be ahead of this machine's.
const webhookClockSkew = 5 * time.Minute

// maxWebhookBody is the maximum size of a webhook's body in bytes.
const maxWebhookBody = 1 << 20

// Webhook is an [http.Handler] that receives the webhooks of a service. It
// accepts only webhooks that are signed with the app's key pair or a former one,
// and passes them to the handler function. Otherwise, it answers with one of
// these statuses:
//
//   - 405 if the method is not POST
//   - 408 if the body does not arrive within ten seconds
//   - 413 if the body has more than 1 MiB
//   - 401 if the signature is missing or wrong, or if the webhook is too old
//     ([WithMaxAge]) or more than five minutes in the future
//   - 400 if the body cannot be read, or is signed but is not a webhook
//   - 500 if the handler function returns an error, or if the data of a client
//     event cannot be decrypted with the app's encryption key
//
// A service sends a webhook again if the status is not 2xx; Pusher Channels does
// so for five minutes. It sends the whole batch again, even if a part of it was
// handled or only the answer was lost. The handler function must therefore
// tolerate events that it has already handled. The order of events is up to the
// service. Pusher Channels keeps the order within a channel.
//
// Make one with [NewWebhook]; it is safe for concurrent use.
type Webhook struct {
	keys []webhookKey
	// open decrypts the data of an encrypted channel; nil without a key. It is a
	// function because printing never shows what a function captures.
	open   func(channel, data string) (string, error)
	handle func(context.Context, WebhookBatch) error
	maxAge time.Duration
	logger *slog.Logger
	lines  *rate.Limiter // for logging refusals, which anybody can cause
}

type webhookKey struct {
	key    string
	signer *pusherproto.Signer
}

// WebhookOption configures a [Webhook].
type WebhookOption func(*Webhook)

// WithMaxAge sets the maximum age of a webhook, according to the time that it
// carries. 0 means [DefaultWebhookMaxAge]. If the age is negative, the time is
// not checked, and a webhook can be replayed at any later time.
func WithMaxAge(age time.Duration) WebhookOption {
	return func(h *Webhook) { h.maxAge = age }
}

// WithLogger sets the logger for refused webhooks and for errors of the handler
// function; nil means slog.Default. Refusals are logged at level warn, up to ten
// at once and then one per minute. Beyond that they are logged at level debug.
func WithLogger(l *slog.Logger) WebhookOption {
	return func(h *Webhook) { h.logger = l }
}

// NewWebhook returns a Webhook for the app that calls handle with every batch of
// events. It calls handle concurrently for concurrent requests. The context is
// the request's. If handle returns an error, the error is logged and the answer
// is 500, so that the service sends the batch again.
func NewWebhook(app auth.App, handle func(context.Context, WebhookBatch) error, options ...WebhookOption) (*Webhook, error) {
	if err := app.Validate(); err != nil {
		return nil, fmt.Errorf("pusher: webhook: %w", err)
	}
	if handle == nil {
		return nil, errors.New("pusher: webhook: the function that handles batches is nil")
	}
	h := &Webhook{handle: handle, lines: rate.NewLimiter(rate.Every(time.Minute), 10)}
	for _, p := range append([]auth.KeyPair{{Key: app.Key, Secret: app.Secret}}, app.Former...) {
		h.keys = append(h.keys, webhookKey{p.Key, pusherproto.NewSigner(p.Secret)})
	}
	if app.EncryptionKey != "" {
		master, err := pusherproto.DecodeMasterKey(app.EncryptionKey)
		if err != nil {
			return nil, fmt.Errorf("pusher: webhook: %w", err)
		}
		h.open = func(channel, data string) (string, error) { return pusherproto.Open(channel, &master, data) }
	}
	for _, option := range options {
		option(h)
	}
	if h.maxAge == 0 {
		h.maxAge = DefaultWebhookMaxAge
	}
	if h.logger == nil {
		h.logger = slog.Default()
	}
	return h, nil
}

// refusal says why a webhook is not accepted. The text may be shown to anybody.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

// ServeHTTP implements [http.Handler].
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := h.serve(w, r)
	if err == nil {
		return
	}
	ctx := r.Context()
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		h.logger.LogAttrs(ctx, slog.LevelError, "webhook not handled", slog.Any("error", err))
		http.Error(w, "the webhook was not handled", http.StatusInternalServerError)
		return
	}
	level := slog.LevelDebug
	if h.lines.Allow() {
		level = slog.LevelWarn
	}
	h.logger.LogAttrs(ctx, level, "webhook refused",
		slog.Int("status", refused.status), slog.String("reason", refused.text))
	http.Error(w, refused.text, refused.status)
}

func (h *Webhook) serve(w http.ResponseWriter, r *http.Request) error {
	bodytime.Bound(w, r)
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return &refusal{http.StatusMethodNotAllowed, "webhooks are sent with POST"}
	}
	if r.ContentLength > maxWebhookBody {
		return errWebhookTooLarge
	}
	signature := r.Header.Get(webhookSignatureHeader)
	if len(signature) != pusherproto.SignatureSize {
		return &refusal{http.StatusUnauthorized, "the header " + webhookSignatureHeader + " is missing or no signature"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhookBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return errWebhookTooLarge
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return &refusal{http.StatusRequestTimeout, fmt.Sprintf("the body did not arrive within %v", bodytime.Limit)}
		}
		return &refusal{http.StatusBadRequest, "the body could not be read"}
	}
	bodytime.Arrived(w)
	if !h.signed(r.Header.Get(webhookKeyHeader), signature, body) {
		return &refusal{http.StatusUnauthorized, "the signature is not that of the body under a key of the app"}
	}
	batch, err := h.decode(body)
	if err != nil {
		return err
	}
	if err := h.checkTime(batch.Time); err != nil {
		return err
	}
	return h.handle(r.Context(), batch)
}

var errWebhookTooLarge = &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxWebhookBody)}

func (h *Webhook) signed(key, signature string, body []byte) bool {
	for _, k := range h.keys {
		if k.key == key && k.signer.Verify(signature, string(body)) {
			return true
		}
	}
	return false
}

func (h *Webhook) checkTime(sent time.Time) error {
	if h.maxAge < 0 {
		return nil
	}
	switch now := time.Now(); {
	case now.Sub(sent) > h.maxAge:
		return h.wrongTime(now, sent, fmt.Sprintf("is older than %v", h.maxAge))
	case sent.Sub(now) > webhookClockSkew:
		return h.wrongTime(now, sent, "is in the future")
	}
	return nil
}

func (h *Webhook) wrongTime(now, sent time.Time, what string) error {
	return &refusal{http.StatusUnauthorized, fmt.Sprintf("the webhook %s: it was sent at %s, here it is %s",
		what, sent.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))}
}
