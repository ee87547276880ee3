// Package model tells browsers that a stored model has changed. It uses the
// names, channels and payload of Laravel's model broadcasting, so that
// useEchoModel and Echo's listeners receive the changes. The package has
// nothing to do with a database: the program says what has changed.
//
//	const Post model.Class = "App.Models.Post"
//
//	err := b.Dispatch(ctx, Post.Created(post.ID, post))
//
// sends PostCreated on private-App.Models.Post.1 with the payload
//
//	{"model": …, "connection": null, "queue": null, "afterCommit": false}
//
// The last three keys always have these values; pages written for Laravel
// expect them. Browsers listen with a leading dot: echo.listen(".PostCreated").
//
// Laravel broadcasts a soft delete twice, as trashed and as deleted. Likewise
// it broadcasts a restored model as updated and as restored. [Class.SoftDelete]
// and [Class.Restore] return both changes in that order.
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

// Class is the class of a model as Laravel writes it, such as
// "App.Models.Post". Its parts are separated by dots or backslashes. Any
// namespace will do: model.Class("tenant.acme.Post") could be the Post of one
// tenant.
type Class string

// String returns the class with dots.
func (c Class) String() string {
	return strings.TrimPrefix(strings.ReplaceAll(string(c), `\`, "."), ".")
}

// Base returns the class without its namespace, such as "Post".
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
// private-App.Models.Post.1. For the key, see [Class.ChannelName].
func (c Class) Channel(key any) channel.Channel { return channel.Private(c.ChannelName(key)) }

// ChannelName returns the name of the model's channels without a prefix, such
// as "App.Models.Post.1". For example, channel.Public(Post.ChannelName(1)) is
// the model's public channel.
//
// The key must be a string, an integer, or a value such as a UUID that
// implements encoding.TextMarshaler or fmt.Stringer. For any other key,
// including nil, the name holds the key's type, and dispatching to the channel
// fails.
func (c Class) ChannelName(key any) string { return c.String() + "." + keyText(key) }

// keyText returns the key as text. It writes the type of an unusable key in
// parentheses, which are not allowed in a channel's name.
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
