// Package model tells browsers that a stored model has changed, with the
// names, channels and payload of Laravel's model broadcasting, so that
// useEchoModel and Echo's listeners hear them. It knows no database: the
// program says what has changed.
//
//	const Post model.Class = "App.Models.Post"
//
//	err := b.Dispatch(ctx, Post.Created(post.ID, post))
//
// sends PostCreated on private-App.Models.Post.1 with the payload
//
//	{"model": …, "connection": null, "queue": null, "afterCommit": false}
//
// whose last three keys are constant: pages written for Laravel expect them.
// Browsers listen with a leading dot, echo.listen(".PostCreated").
//
// Laravel tells a soft delete twice, as trashed and as deleted, and so it does
// with a restored model, as updated and as restored. [Class.SoftDelete] and
// [Class.Restore] return both changes in that order.
package model

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/onairgo/onair/channel"
)

// Class is the class of a model as Laravel writes it, with dots or
// backslashes: "App.Models.Post". What stands before the last one is free, so
// model.Class("tenant.acme.Post") is the Post of a tenant.
type Class string

// String returns the class with dots.
func (c Class) String() string {
	return strings.TrimPrefix(strings.ReplaceAll(string(c), `\`, "."), ".")
}

// Base returns the class without what stands before it, such as "Post".
func (c Class) Base() string {
	s := c.String()
	return s[strings.LastIndexByte(s, '.')+1:]
}

// Pattern returns the pattern of the authorisation rule for the class's
// channels, such as "App.Models.Post.{post}".
func (c Class) Pattern() string {
	base := c.Base()
	first, size := utf8.DecodeRuneInString(base)
	return c.String() + ".{" + string(unicode.ToLower(first)) + base[size:] + "}"
}

// Channel returns the model's private channel, such as
// private-App.Models.Post.1. See [Class.ChannelName] about the key.
func (c Class) Channel(key any) channel.Channel { return channel.Private(c.ChannelName(key)) }

// ChannelName returns the name of the model's channels without prefix, such as
// "App.Models.Post.1": channel.Public(Post.ChannelName(1)) is the model's
// public channel.
//
// The key is a string, an integer, or what has a text of its own
// (encoding.TextMarshaler or fmt.Stringer, such as a UUID). Any other key, nil
// among them, makes a name that no dispatch accepts and that shows its type.
func (c Class) ChannelName(key any) string { return c.String() + "." + keyText(key) }

// keyText writes an unusable key in brackets, which no channel's name may
// hold.
func keyText(key any) string {
	v := reflect.ValueOf(key)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return fmt.Sprintf("(nil %T)", key)
	}
	switch k := key.(type) {
	case encoding.TextMarshaler:
		text, err := k.MarshalText()
		if err != nil {
			return fmt.Sprintf("(%T)", key)
		}
		return string(text)
	case fmt.Stringer:
		return k.String()
	}
	switch {
	case v.Kind() == reflect.String, v.CanInt(), v.CanUint():
		return fmt.Sprint(key)
	}
	return fmt.Sprintf("(%T)", key)
}
