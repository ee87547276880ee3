package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/internal/gotype"
)

// ErrNoClass is returned at dispatch for a change whose class has no name.
var ErrNoClass = errors.New(`model: the class is empty or ends with a dot; write "App.Models.Post"`)

// ErrNoModel is the condition of a change that was given neither a model nor a
// payload.
var ErrNoModel = errors.New("model: the model is nil")

// Change is an event that tells of one change of one model. Its methods return
// a changed copy. The zero Change cannot be dispatched.
type Change struct {
	class   Class
	action  string
	key     any
	model   any
	on      []channel.Channel // nil is the model's own channel
	also    []channel.Channel
	name    string
	payload any
}

// Created tells that the model was stored for the first time. The model is
// anything that encodes as a JSON object; it is encoded at dispatch. See
// [Class.ChannelName] about the key.
func (c Class) Created(key, model any) Change { return c.change("Created", key, model) }

// Updated tells that the stored model has changed. Laravel tells it only when
// a field really has; that is the caller's to know.
func (c Class) Updated(key, model any) Change { return c.change("Updated", key, model) }

// Trashed tells that the model was soft deleted. [Class.SoftDelete] goes with
// it.
func (c Class) Trashed(key, model any) Change { return c.change("Trashed", key, model) }

// Restored tells that a soft delete was undone. [Class.Restore] goes with it.
func (c Class) Restored(key, model any) Change { return c.change("Restored", key, model) }

// Deleted tells that the model is no longer there. The model is what it was.
func (c Class) Deleted(key, model any) Change { return c.change("Deleted", key, model) }

// SoftDelete returns what Laravel tells of a soft delete: Trashed, then
// Deleted.
func (c Class) SoftDelete(key, model any) []Change {
	return []Change{c.Trashed(key, model), c.Deleted(key, model)}
}

// Restore returns what Laravel tells of a model that is restored: Updated,
// then Restored.
func (c Class) Restore(key, model any) []Change {
	return []Change{c.Updated(key, model), c.Restored(key, model)}
}

func (c Class) change(action string, key, model any) Change {
	return Change{class: c, action: action, key: key, model: model}
}

// On replaces the channels. With none, the change is not sent.
func (c Change) On(channels ...channel.Channel) Change {
	c.on, c.also = append([]channel.Channel{}, channels...), nil
	return c
}

// Also adds channels.
func (c Change) Also(channels ...channel.Channel) Change {
	c.also = slices.Concat(c.also, channels)
	return c
}

// As replaces the event's name. The empty name is the default.
func (c Change) As(name string) Change {
	c.name = name
	return c
}

// With replaces the whole payload, the key "model" included. nil is the
// default.
func (c Change) With(payload any) Change {
	c.payload = payload
	return c
}

// BroadcastOn returns the model's private channel and what [Change.Also] and
// [Change.On] made of it.
func (c Change) BroadcastOn() []channel.Channel {
	on := c.on
	if on == nil {
		on = []channel.Channel{c.class.Channel(c.key)}
	}
	return slices.Concat(on, c.also)
}

// BroadcastAs returns the class's base name and what has happened, such as
// "PostCreated", or what [Change.As] set.
func (c Change) BroadcastAs() string {
	if c.name != "" {
		return c.name
	}
	return c.class.Base() + c.action
}

// BroadcastWith returns the payload.
func (c Change) BroadcastWith() any {
	if c.payload != nil {
		return c.payload
	}
	return payload{Model: object{c.model}}
}

// ValidateBroadcast refuses a change without a class ([ErrNoClass]) or without
// anything to send ([ErrNoModel]).
func (c Change) ValidateBroadcast() error {
	if c.class.Base() == "" {
		return ErrNoClass
	}
	if c.payload == nil && gotype.IsNil(c.model) {
		return fmt.Errorf("%w: %s of %s needs the model, or a payload by With", ErrNoModel, c.BroadcastAs(), c.class)
	}
	return nil
}

// payload is the shape that laravel-echo's types call ModelPayload. Laravel
// leaves its queue settings in it.
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

// Value lets broadcasttest.CheckEvent look inside.
func (o object) Value() any { return o.value }

var (
	_ event.Payloader = Change{}
	_ event.Validator = Change{}
)
