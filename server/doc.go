// Package server is a Pusher Channels server inside the program: stock
// pusher-js, laravel-echo, the mobile clients and the pusher-http SDKs work
// against it with no account and no other process.
package server
