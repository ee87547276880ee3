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
	"github.com/onairgo/onair/internal/pusherproto"
)

// The headers of a webhook.
const (
	webhookKeyHeader       = "X-Pusher-Key"
	webhookSignatureHeader = "X-Pusher-Signature"
)

// DefaultWebhookMaxAge is the age up to which a webhook is taken: the five
// minutes for which Pusher Channels tries one again, and five for clocks that
// differ.
const DefaultWebhookMaxAge = 10 * time.Minute

// webhookClockSkew is how far ahead of this machine's a sender's clock may be.
const webhookClockSkew = 5 * time.Minute

// maxWebhookBody is the most bytes of a webhook's body.
const maxWebhookBody = 1 << 20

// webhookBodyTimeout is how long the body may take to arrive, also one that is
// not wanted, since net/http waits for it before it ends the request.
const webhookBodyTimeout = 10 * time.Second

// Webhook receives the webhooks of a service as an [http.Handler]. It passes on
// what was signed with the app's key pair or a former one, and nothing else:
//
//   - 405 for another method than POST
//   - 408 for a body that does not arrive within ten seconds
//   - 413 for a body of more than 1 MiB
//   - 401 for a missing or wrong signature, and one that is too old or from
//     the future
//   - 400 for a body that was signed and is no webhook
//   - 500 when the handler function returns an error, or when a client event
//     cannot be opened with the app's encryption key
//
// The service sends again what was not answered with 2xx: Pusher Channels does
// so for five minutes. A batch of which a part was handled comes again as a
// whole, and so does one whose answer was lost, so handle events so that a
// repetition does no harm. Order is the service's, kept within a channel by
// Pusher Channels.
//
// Make one with [NewWebhook]; it is safe for concurrent use.
type Webhook struct {
	keys []webhookKey
	// open opens the data of an encrypted channel, nil without a key. It is a
	// function because no print shows what a function holds.
	open   func(channel, data string) (string, error)
	handle func(context.Context, WebhookBatch) error
	maxAge time.Duration
	logger *slog.Logger
	lines  *rate.Limiter // of the log about refusals, which strangers can cause
}

type webhookKey struct {
	key    string
	signer *pusherproto.Signer
}

// WebhookOption configures a [Webhook].
type WebhookOption func(*Webhook)

// WithMaxAge sets how old a webhook may be by the time that it carries. 0 is
// [DefaultWebhookMaxAge]; with a negative age, webhooks of any time are taken,
// also repeated ones.
func WithMaxAge(age time.Duration) WebhookOption {
	return func(h *Webhook) { h.maxAge = age }
}

// WithLogger sets the logger of refused webhooks and of the handler function's
// errors; nil is slog.Default. Refusals are logged at level warn, as far as they
// are no more than ten and one a minute, and at level debug beyond that.
func WithLogger(l *slog.Logger) WebhookOption {
	return func(h *Webhook) { h.logger = l }
}

// NewWebhook returns a Webhook for the app that calls handle with every batch
// of events, several at the same time. The context is the request's. An error
// of handle is logged and makes the service send the batch again.
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

// refusal is why a webhook is not taken. The text may be shown to anybody.
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
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(webhookBodyTimeout)) // not every writer can
	}
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
			return &refusal{http.StatusRequestTimeout, fmt.Sprintf("the body did not arrive within %v", webhookBodyTimeout)}
		}
		return &refusal{http.StatusBadRequest, "the body could not be read"}
	}
	// The handler function may take longer, and net/http ends its context when
	// reading fails.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // not every writer can
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
		return h.wrongTime(now, sent, "is of the future")
	}
	return nil
}

func (h *Webhook) wrongTime(now, sent time.Time, what string) error {
	return &refusal{http.StatusUnauthorized, fmt.Sprintf("the webhook %s: it was sent at %s, here it is %s",
		what, sent.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))}
}
