package auth

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/bodytime"
	"github.com/onairgo/onair/internal/pusherproto"
	"github.com/onairgo/onair/internal/strictjson"
)

// MaxBatch is the maximum number of channels in one request.
const MaxBatch = 100

// maxBody bounds the body of a request. A batch of 100 names of 200 bytes, each
// byte percent-encoded, fits.
const maxBody = 64 << 10

const badSocketID = "socket_id is missing, or is not two numbers with a dot between them"

// params are the parameters of a request.
type params struct {
	socketID string
	name     string   // channel_name
	names    []string // channel_names[]; nil unless the request is a batch
}

// reader collects parameters and rejects duplicates.
type reader struct {
	params
	seen map[string]bool
}

// readParams reads and checks the parameters. All its errors are refusals. It
// does not require a channel name, since a sign-in has none.
func readParams(w http.ResponseWriter, r *http.Request) (params, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		mediaType = ""
	}
	var parse func(*reader, []byte) error
	switch mediaType {
	case "application/x-www-form-urlencoded":
		parse = (*reader).form
	case "application/json":
		parse = (*reader).json
	default:
		return params{}, &DenyError{Status: http.StatusUnsupportedMediaType, Message: "send application/x-www-form-urlencoded or application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return params{}, &DenyError{Status: http.StatusRequestEntityTooLarge, Message: "the body is larger than 64 KiB"}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return params{}, &DenyError{Status: http.StatusRequestTimeout, Message: fmt.Sprintf("the body did not arrive within %v", bodytime.Limit), cause: err}
	}
	if err != nil {
		return params{}, &DenyError{Status: http.StatusBadRequest, Message: "the body is incomplete", cause: err}
	}
	bodytime.Arrived(w)
	return parseParams(body, parse)
}

// parseParams parses a body and checks the socket id.
func parseParams(body []byte, parse func(*reader, []byte) error) (params, error) {
	rd := &reader{seen: make(map[string]bool)}
	if err := parse(rd, body); err != nil {
		return rd.params, err
	}
	switch {
	case len(rd.names) > MaxBatch || rd.names != nil && len(rd.names) == 0:
		return params{}, malformed(fmt.Sprintf("channel_names[] takes 1 to %d names", MaxBatch))
	case rd.seen["channel_name"] && rd.names != nil:
		return params{}, malformed("send either channel_name or channel_names[]")
	case !pusherproto.ValidSocketID(rd.socketID):
		return params{}, malformed(badSocketID)
	}
	return rd.params, nil
}

// malformedName returns the refusal of a string that is not a channel name. The
// client is not sent the name back.
func malformedName(err error) *DenyError {
	deny := malformed("channel_name is not a channel name")
	if e, ok := errors.AsType[*channel.NameError](err); ok {
		switch e.Reason {
		case channel.ReasonEmpty:
			deny.Message = "channel_name is missing or empty"
		case channel.ReasonTooLong:
			deny.Message = fmt.Sprintf("channel_name is longer than %d bytes", channel.MaxNameLength)
		case channel.ReasonIllegalCharacter:
			deny.Message = "channel_name has a character that is not allowed"
		}
		deny.Reason, deny.cause = e.Error(), e
	}
	return deny
}

// form reads application/x-www-form-urlencoded. It ignores parameters that it
// does not know, because pusher-js can be configured to add some.
func (rd *reader) form(body []byte) error {
	for pair := range strings.SplitSeq(string(body), "&") {
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(rawKey)
		if err != nil || strings.Contains(pair, ";") {
			return malformed("the body is not a form")
		}
		name, index, _ := strings.Cut(key, "[")
		target := rd.target(name)
		if target == nil && name != "channel_names" {
			continue
		}
		value, err := url.QueryUnescape(rawValue)
		switch {
		case err != nil:
			return malformed("the body is not a form")
		case target == nil && index == "]":
			rd.names = append(rd.names, value)
			if len(rd.names) > MaxBatch {
				return nil // parseParams rejects it; the rest need not be read
			}
		case target == nil:
			return malformed("send several names as channel_names[]")
		case key != name:
			return malformed(name + " must be one string")
		case rd.seen[name]:
			return malformed(name + " is given twice")
		default:
			rd.seen[name] = true
			*target = value
		}
	}
	return nil
}

// target returns where to store a parameter, or nil if it is unknown.
func (rd *reader) target(name string) *string {
	switch name {
	case "socket_id":
		return &rd.socketID
	case "channel_name":
		return &rd.name
	}
	return nil
}

// json reads a JSON object. It ignores members that it does not know. A
// duplicate member is an error, because this reader and another could otherwise
// see different requests.
func (rd *reader) json(body []byte) error {
	var room [8]strictjson.Member
	members, err := strictjson.AppendObject(room[:0], body)
	if err != nil {
		return malformed("the body: " + err.Error())
	}
	for _, m := range members {
		target := rd.target(m.Name)
		if target == nil && m.Name != "channel_names" {
			continue
		}
		rd.seen[m.Name] = true
		ok := false
		if target != nil {
			*target, ok = strictjson.String(m.Value)
		} else {
			rd.names, ok = strictjson.AppendStrings([]string{}, m.Value)
		}
		if !ok {
			return malformed(m.Name + " has the wrong type; names and ids are strings, channel_names is an array of them")
		}
	}
	return nil
}
