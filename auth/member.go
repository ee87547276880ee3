package auth

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/onairgo/onair/channel"
)

const (
	// MaxUserID is the maximum length of a user's id in bytes.
	MaxUserID = 128
	// MaxWatchlist is the maximum number of ids on a watch list.
	MaxWatchlist = 100
)

// described is what a rule returns about a user.
type described interface {
	// encode returns the JSON to sign, of at most limit bytes.
	encode(limit int) (string, error)
}

// encode calls d.encode and turns a panic in a MarshalJSON method into an
// error.
func encode(d described, limit int) (data string, err error) {
	defer recovered(&err)
	return d.encode(limit)
}

// encode returns the channel data of a presence subscription.
func (m *Member) encode(limit int) (string, error) {
	if err := checkUserID(m.ID); err != nil {
		return "", fmt.Errorf("%w: id %w", ErrInvalidMember, err)
	}
	var room [512]byte
	data := appendString(append(room[:0], `{"user_id":`...), m.ID)
	if m.Info != nil {
		info, err := json.Marshal(m.Info)
		if err != nil {
			return "", fmt.Errorf("%w: info: %w", ErrInvalidMember, err)
		}
		data = append(append(data, `,"user_info":`...), info...)
	}
	data = append(data, '}')
	if limit > 0 && len(data) > limit {
		return "", fmt.Errorf("%w: id and info are %d bytes of JSON, the limit is %d", ErrInvalidMember, len(data), limit)
	}
	return string(data), nil
}

// appendString appends a valid string as encoding/json writes it. Most ids need
// no escaping.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || strings.IndexByte(`"\<>&`, c) >= 0 {
			quoted, err := json.Marshal(s)
			if err != nil {
				panic(err) // strings always encode
			}
			return append(dst, quoted...)
		}
	}
	return append(append(append(dst, '"'), s...), '"')
}

// encode returns the user data of a sign-in.
func (u *UserData) encode(limit int) (string, error) {
	if err := u.check(); err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalidUser, err)
	}
	fields := make(map[string]any, len(u.Extra)+3)
	maps.Copy(fields, u.Extra)
	fields["id"] = u.ID
	if u.Info != nil {
		info, err := json.Marshal(u.Info)
		if err != nil {
			return "", fmt.Errorf("%w: info: %w", ErrInvalidUser, err)
		}
		if info[0] != '{' {
			return "", fmt.Errorf("%w: info does not encode as a JSON object", ErrInvalidUser)
		}
		fields["user_info"] = json.RawMessage(info)
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("%w: extra: %w", ErrInvalidUser, err)
	}
	if limit > 0 && len(data) > limit {
		return "", fmt.Errorf("%w: id, info and extra are %d bytes of JSON, the limit is %d", ErrInvalidUser, len(data), limit)
	}
	if len(u.Watchlist) > 0 {
		fields["watchlist"] = u.Watchlist
		if data, err = json.Marshal(fields); err != nil {
			return "", fmt.Errorf("%w: %w", ErrInvalidUser, err)
		}
	}
	return string(data), nil
}

// check checks everything except the JSON that the application provides.
func (u *UserData) check() error {
	if err := checkUserID(u.ID); err != nil {
		return fmt.Errorf("id %w", err)
	}
	// The user's events are sent on a channel named after the id.
	if err := channel.User(u.ID).Validate(); err != nil {
		return fmt.Errorf("id: %w", err)
	}
	for _, name := range []string{"id", "user_info", "watchlist"} {
		if _, ok := u.Extra[name]; ok {
			return fmt.Errorf("extra has the key %q; use the field", name)
		}
	}
	if n := len(u.Watchlist); n > MaxWatchlist {
		return fmt.Errorf("watch list has %d ids, the limit is %d", n, MaxWatchlist)
	}
	for i, id := range u.Watchlist {
		if err := checkUserID(id); err != nil {
			return fmt.Errorf("watch list [%d] %w", i, err)
		}
	}
	return nil
}

// checkUserID returns an error whose text continues a sentence about the id.
func checkUserID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("is empty")
	case len(id) > MaxUserID:
		return fmt.Errorf("has %d bytes, the limit is %d", len(id), MaxUserID)
	case !utf8.ValidString(id):
		return fmt.Errorf("is not valid UTF-8")
	}
	return nil
}
