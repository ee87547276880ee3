package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/onairgo/onair/internal/bodytime"
	"github.com/onairgo/onair/internal/pusherproto"
)

// apiCall is one authenticated request to the HTTP API.
type apiCall struct {
	app   *app
	query signedQuery
	body  []byte
	apiPath
}

// apiPath is what the path of a request names; parts that it does not name are
// empty.
type apiPath struct {
	appID, channel, user string
}

// apiRoute is one call of the HTTP API. Segments in braces match anything.
type apiRoute struct {
	method  string
	path    []string
	handle  func(*apiCall, context.Context) (apiAnswer, error)
	publish bool // accepts an idempotency key
}

var apiRoutes = []apiRoute{
	route(http.MethodPost, "apps/{app}/events", (*apiCall).publishEvent).publishes(),
	route(http.MethodPost, "apps/{app}/batch_events", (*apiCall).publishBatch).publishes(),
	route(http.MethodGet, "apps/{app}/channels", (*apiCall).channels),
	route(http.MethodGet, "apps/{app}/channels/{channel}", (*apiCall).channelState),
	route(http.MethodGet, "apps/{app}/channels/{channel}/users", (*apiCall).channelUsers),
	route(http.MethodPost, "apps/{app}/users/{user}/terminate_connections", (*apiCall).terminateConnections),
	// The Python SDK leaves out the app, which is then found by the key.
	route(http.MethodPost, "users/{user}/terminate_connections", (*apiCall).terminateConnections),
	// Deprecated by Pusher, still sent by old SDKs.
	route(http.MethodPost, "apps/{app}/channels/{channel}/events", (*apiCall).publishRaw).publishes(),
	route(http.MethodGet, "apps/{app}/channels/{channel}/stats", (*apiCall).channelStats),
}

func route(method, path string, handle func(*apiCall, context.Context) (apiAnswer, error)) apiRoute {
	return apiRoute{method: method, path: strings.Split(path, "/"), handle: handle}
}

func (rt apiRoute) publishes() apiRoute {
	rt.publish = true
	return rt
}

// match reports whether the decoded segments match the route's path.
func (rt *apiRoute) match(segments []string) (p apiPath, ok bool) {
	if len(segments) != len(rt.path) {
		return p, false
	}
	for i, want := range rt.path {
		switch want {
		case "{app}":
			p.appID = segments[i]
		case "{channel}":
			p.channel = segments[i]
		case "{user}":
			p.user = segments[i]
		case segments[i]:
		default:
			return p, false
		}
	}
	return p, true
}

// findRoute returns the route of a request. The error is 404, or 405 with the
// header Allow set.
func findRoute(header http.Header, method, path string) (*apiRoute, apiPath, error) {
	segments, ok := pathSegments(path)
	var allow []string
	for i := range apiRoutes {
		rt := &apiRoutes[i]
		p, match := rt.match(segments)
		switch {
		case !ok || !match:
		case rt.method == method:
			return rt, p, nil
		default:
			allow = append(allow, rt.method)
		}
	}
	if allow != nil {
		header.Set("Allow", strings.Join(allow, ", "))
		return nil, apiPath{}, apiErrorf(http.StatusMethodNotAllowed, "method not allowed; use %s", strings.Join(allow, " or "))
	}
	return nil, apiPath{}, apiErrorf(http.StatusNotFound, "no such call; the HTTP API has /apps/{app_id}/events, batch_events, channels and users below the server's path")
}

// pathSegments splits an escaped path. ok is false if an escape hides a slash,
// or a segment is empty or names a directory, since no two readers agree on
// those.
func pathSegments(path string) (segments []string, ok bool) {
	const most = 5
	for s := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		s, err := url.PathUnescape(s)
		if err != nil || s == "" || s == "." || s == ".." || strings.Contains(s, "/") || len(segments) == most {
			return nil, false
		}
		segments = append(segments, s)
	}
	return segments, true
}

// serveAPI serves the HTTP API for the pusher-http SDKs, below /apps/ and
// /users/.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	answer, err := s.callAPI(w, r)
	if err != nil {
		answer = s.apiFailure(r, err).answer()
	}
	if answer.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	answer.write(w)
}

// apiFailure returns the error to send. An error that is not the caller's fault
// is logged and not shown.
func (s *Server) apiFailure(r *http.Request, err error) *apiError {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e
	}
	switch {
	case r.Context().Err() != nil: // nobody reads the answer
		return apiErrorf(http.StatusServiceUnavailable, "the request was cancelled")
	case errors.Is(err, ErrClosed):
		return errAPIDraining
	}
	s.log.LogAttrs(r.Context(), slog.LevelError, "HTTP API call failed", slog.String("path", r.URL.Path), slog.Any("error", err))
	return apiErrorf(http.StatusInternalServerError, "the server could not carry out the request; its log says why")
}

var errAPIDraining = apiErrorf(http.StatusServiceUnavailable, "the server is shutting down; send the request again")

func (s *Server) callAPI(w http.ResponseWriter, r *http.Request) (apiAnswer, error) {
	if s.draining() {
		return apiAnswer{}, errAPIDraining
	}
	path := r.URL.EscapedPath()
	if below, ok := strings.CutPrefix(path, s.prefix+"/"); ok {
		path = "/" + below
	}
	rt, named, err := findRoute(w.Header(), r.Method, path)
	if err != nil {
		return apiAnswer{}, err
	}
	query, err := parseSignedQuery(r.URL.RawQuery)
	if err != nil {
		return apiAnswer{}, err
	}
	a, err := s.authenticate(r, named.appID, query, signedPaths(s.prefix, path))
	if err != nil {
		return apiAnswer{}, err
	}
	body, err := readAPIBody(w, r, maxPublishBody(s.limits))
	if err != nil {
		return apiAnswer{}, err
	}
	if err := query.verifyBody(body); err != nil {
		return apiAnswer{}, err
	}
	call := &apiCall{app: a, query: query, body: body, apiPath: named}
	if rt.publish {
		return call.once(w, r, rt)
	}
	return rt.handle(call, r.Context())
}

// authenticate returns the app whose key signed the request: the app that the
// path names, or else the app that has the key. All that is signed is in the
// query, so the body of a stranger is not even read.
func (s *Server) authenticate(r *http.Request, appID string, query signedQuery, paths []string) (*app, error) {
	key := query[pusherproto.ParamKey]
	if key == "" {
		return nil, unauthorized("auth_key is missing; requests to the HTTP API are signed with auth_key, auth_timestamp, auth_version, body_md5 and auth_signature")
	}
	a, err := s.appOf(r.Context(), appID, key)
	if err != nil {
		return nil, err
	}
	signer := a.signer(key)
	if signer == nil {
		return nil, unauthorized("auth_key %s is no key of app %s; check that the key and the app id belong together", quoted(key), quoted(a.id))
	}
	err = query.verify(signer, r.Method, paths, time.Now())
	if skew, ok := errors.AsType[*skewError](err); ok {
		if s.hints.first(hintClock, a.id, s.now()) {
			s.log.LogAttrs(r.Context(), slog.LevelWarn, "signed request refused: the clock of its sender or of this machine is wrong, or the request is old",
				slog.String("app", a.id), slog.String("request_time", skew.sentTime()), slog.Time("server_time", skew.now))
		}
		return nil, unauthorized("%s", skew)
	}
	return a, err
}

// appOf returns the app with the id or, if that is empty, the app that has the
// key.
func (s *Server) appOf(ctx context.Context, appID, key string) (a *app, err error) {
	if appID != "" {
		a, err = s.appByID(ctx, appID)
	} else {
		a, err = s.appByKey(ctx, key)
	}
	switch {
	case errors.Is(err, ErrAppDisabled):
		return nil, apiErrorf(http.StatusForbidden, "the app is disabled")
	case !errors.Is(err, ErrUnknownApp):
		return a, err
	case appID != "":
		return nil, apiErrorf(http.StatusNotFound, "app %s is not known here; check the app id", quoted(appID))
	}
	return nil, unauthorized("auth_key %s is no key of any app here; check the key", quoted(key))
}

// readAPIBody reads the body, up to limit bytes.
func readAPIBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, apiErrorf(http.StatusUnsupportedMediaType, "Content-Encoding %s is not supported; send the body as it is", quoted(encoding))
	}
	tooLarge := apiErrorf(http.StatusRequestEntityTooLarge,
		"the body is over %d bytes, more than the data content of this event or batch can need within the limits", limit)
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close") // rather than read what nobody wants
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil {
		bodytime.Arrived(w)
		return body, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	w.Header().Set("Connection", "close")
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, apiErrorf(http.StatusRequestTimeout, "the body did not arrive within %s", bodytime.Limit)
	}
	return nil, badRequest("the body did not arrive whole")
}

// terminateConnections closes the connections on which the user has signed in.
// It ignores the body.
func (c *apiCall) terminateConnections(context.Context) (apiAnswer, error) {
	if !utf8.ValidString(c.user) {
		return apiAnswer{}, badRequest("the user id in the path is not valid UTF-8")
	}
	c.app.terminate(c.user)
	return emptyAnswer, nil
}
