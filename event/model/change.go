package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/internal/gotype"
)

// ErrNoClass is returned at dispatch for a change whose class is empty or ends
// with a dot.
var ErrNoClass = errors.New(`model: the class is empty or ends with a dot; write "App.Models.Post"`)

// ErrNoModel is wrapped by the error returned at dispatch for a change that has
// neither a model nor a payload.
var ErrNoModel = errors.New("model: the model is nil")

// Change is an event that announces one change to one model. [Change.On],
// [Change.Also], [Change.As] and [Change.With] return a modified copy. The zero
// Change cannot be dispatched.
type Change struct {
	class   Class
	action  string
	key     any
	model   any
	on      []channel.Channel // nil means the model's own channel
	also    []channel.Channel
	name    string
	payload any
}

// Created announces that the model was stored for the first time. The model is
// any value that encodes as a JSON object; it is encoded at dispatch. For the
// key, see [Class.ChannelName].
func (c Class) Created(key, model any) Change { return c.change("Created", key, model) }

// Updated announces that the stored model has changed. Laravel does so only if
// a field has a new value; here the caller decides.
func (c Class) Updated(key, model any) Change { return c.change("Updated", key, model) }

// Trashed announces that the model was soft deleted. To announce a soft delete
// in full, use [Class.SoftDelete].
func (c Class) Trashed(key, model any) Change { return c.change("Trashed", key, model) }

// Restored announces that a soft delete was undone. To announce it in full, use
// [Class.Restore].
func (c Class) Restored(key, model any) Change { return c.change("Restored", key, model) }

// Deleted announces that the model no longer exists. Pass the model as it last
// was.
func (c Class) Deleted(key, model any) Change { return c.change("Deleted", key, model) }

// SoftDelete returns the changes that Laravel announces for a soft delete:
// Trashed, then Deleted.
func (c Class) SoftDelete(key, model any) []Change {
	return []Change{c.Trashed(key, model), c.Deleted(key, model)}
}

// Restore returns the changes that Laravel announces for a restored model:
// Updated, then Restored.
func (c Class) Restore(key, model any) []Change {
	return []Change{c.Updated(key, model), c.Restored(key, model)}
}

func (c Class) change(action string, key, model any) Change {
	return Change{class: c, action: action, key: key, model: model}
}

// On replaces the channels, including those added by [Change.Also]. Without
// any channels, the change is not sent.
func (c Change) On(channels ...channel.Channel) Change {
	c.on, c.also = append([]channel.Channel{}, channels...), nil
	return c
}

// Also adds channels.
func (c Change) Also(channels ...channel.Channel) Change {
	c.also = slices.Concat(c.also, channels)
	return c
}

// As replaces the event's name. The empty name restores the default.
func (c Change) As(name string) Change {
	c.name = name
	return c
}

// With replaces the whole payload, including the key "model". A nil payload
// restores the default.
func (c Change) With(payload any) Change {
	c.payload = payload
	return c
}

// BroadcastOn returns the model's private channel, or the channels set by
// [Change.On], followed by those added by [Change.Also].
func (c Change) BroadcastOn() []channel.Channel {
	on := c.on
	if on == nil {
		on = []channel.Channel{c.class.Channel(c.key)}
	}
	return slices.Concat(on, c.also)
}

// BroadcastAs returns the class's base name followed by the kind of change,
// such as "PostCreated", or the name set by [Change.As].
func (c Change) BroadcastAs() string {
	if c.name != "" {
		return c.name
	}
	return c.class.Base() + c.action
}

// BroadcastWith returns the payload set by [Change.With], or the default one.
func (c Change) BroadcastWith() any {
	if c.payload != nil {
		return c.payload
	}
	return payload{Model: object{c.model}}
}

// ValidateBroadcast returns [ErrNoClass] for a change without a class, and an
// error that wraps [ErrNoModel] for one with neither a model nor a payload.
func (c Change) ValidateBroadcast() error {
	if c.class.Base() == "" {
		return ErrNoClass
	}
	if c.payload == nil && gotype.IsNil(c.model) {
		return fmt.Errorf("%w: %s of %s needs the model, or a payload set by With", ErrNoModel, c.BroadcastAs(), c.class)
	}
	return nil
}

// payload is what laravel-echo's types call ModelPayload. The last three fields
// are queue settings, which Laravel includes.
type payload struct {
	Model       object  `json:"model"`
	Connection  *string `json:"connection"`
	Queue       *string `json:"queue"`
	AfterCommit bool    `json:"afterCommit"`
}

// object is a value that must encode as a JSON object.
type object struct{ value any }

func (o object) MarshalJSON() ([]byte, error) {
	out, err := event.EncodeObject(o.value)
	return []byte(out), err
}

// Value lets broadcasttest.CheckEvent inspect the value.
func (o object) Value() any { return o.value }

var (
	_ event.Payloader = Change{}
	_ event.Validator = Change{}
)
