//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// child is a process of the benchmark. It exits when its standard input ends,
// so it never outlives the program that started it.
type child struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	in    *json.Encoder
	out   *json.Decoder
	ready ready
}

// startRole starts this program again, in the given role.
func startRole(ctx context.Context, stderr io.Writer, role string, args ...string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(stderr, exec.CommandContext(ctx, program, append([]string{role}, args...)...))
}

// start starts a process and waits until it is ready.
func start(stderr io.Writer, cmd *exec.Cmd) (c *child, err error) {
	c = &child{name: cmd.String(), cmd: cmd}
	c.cmd.Stderr = stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.in, c.out = json.NewEncoder(c.stdin), json.NewDecoder(stdout)
	if err := c.out.Decode(&c.ready); err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", c.name, err), c.stop())
	}
	return c, nil
}

// stop ends the process and waits for it.
func (c *child) stop() error {
	err := errors.Join(c.stdin.Close(), c.cmd.Wait())
	if err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// order makes the client carry out an order.
func (c *child) order(o order) (s sample, err error) {
	if err := c.in.Encode(o); err != nil {
		return s, fmt.Errorf("%s: %w", c.name, err)
	}
	if err := c.out.Decode(&s); err != nil {
		return s, fmt.Errorf("%s gave no answer: %w", c.name, err)
	}
	return s, nil
}

// rig is a process under measurement and its client.
type rig struct {
	subject, client *child
	url             string // where events are published
	memory          int64  // bytes that the connections occupy
}

// startServer starts the server with n connections.
func startServer(ctx context.Context, stderr io.Writer, n int, profile string) (*rig, error) {
	subject, err := startRole(ctx, stderr, "role-server", "-cpuprofile="+profile)
	if err != nil {
		return nil, err
	}
	return newRig(ctx, stderr, subject, subject.ready.Addr, n, true)
}

// startFloor starts the program of the floor with n connections.
func startFloor(ctx context.Context, stderr io.Writer, program string, n int) (*rig, error) {
	subject, err := start(stderr, exec.CommandContext(ctx, program))
	if err != nil {
		return nil, err
	}
	return newRig(ctx, stderr, subject, subject.ready.Control, n, false)
}

func newRig(ctx context.Context, stderr io.Writer, subject *child, publishAddr string, n int, confirmed bool) (r *rig, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, subject.stop())
		}
	}()
	before, err := processRSS(subject.pid())
	if err != nil {
		return nil, err
	}
	client, err := startRole(ctx, stderr, "role-load", "-n="+strconv.Itoa(n), "-addr="+subject.ready.Addr, "-confirmed="+strconv.FormatBool(confirmed))
	if err != nil {
		return nil, err
	}
	after, err := processRSS(subject.pid())
	if err != nil {
		return nil, errors.Join(err, client.stop())
	}
	return &rig{subject: subject, client: client, url: "http://" + publishAddr, memory: after - before}, nil
}

// stop ends both processes.
func (r *rig) stop() error { return errors.Join(r.client.stop(), r.subject.stop()) }
