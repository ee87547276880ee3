package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lifecycle is the state of a server between New and the end of Shutdown.
type lifecycle struct {
	mu   sync.Mutex
	open int  // connections
	used bool // something was started that may still run

	draining atomic.Bool   // Shutdown has begun
	closed   atomic.Bool   // no connection is open, and none will be
	empty    chan struct{} // closed when draining and none is open
	ended    chan struct{} // closed with closed
	done     chan struct{} // closed when nothing runs any more
	sweeping sync.Once
}

func (l *lifecycle) init() {
	l.empty, l.ended, l.done = make(chan struct{}), make(chan struct{}), make(chan struct{})
}

// enter counts a connection that is about to open and adds it to wg, so that
// Shutdown waits for it. It reports false once Shutdown has begun.
func (l *lifecycle) enter(wg *sync.WaitGroup) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining.Load() {
		return false
	}
	l.open++
	l.used = true
	wg.Add(1)
	return true
}

func (l *lifecycle) leave(wg *sync.WaitGroup) {
	defer wg.Done()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open--; l.open == 0 && l.draining.Load() {
		close(l.empty)
	}
}

// begin begins Shutdown and reports whether this is the first call.
func (l *lifecycle) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining.Swap(true) {
		return false
	}
	if l.open == 0 {
		close(l.empty)
	}
	return true
}

// end marks the server closed, so that nothing starts any more, and reports
// whether something may still be running.
func (l *lifecycle) end() (running bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed.Store(true)
	close(l.ended)
	return l.used
}

// goOutside starts a goroutine that belongs to no open connection. It reports
// false after the end, when nobody would wait for the goroutine.
func (s *Server) goOutside(f func()) bool {
	s.lifecycle.mu.Lock()
	defer s.lifecycle.mu.Unlock()
	if s.lifecycle.closed.Load() {
		return false
	}
	s.lifecycle.used = true
	s.wg.Go(f)
	return true
}

// watchOver starts the sweep unless it is running. The caller has an open
// connection, for which Shutdown waits, so the sweep cannot start too late.
func (s *Server) watchOver() {
	s.lifecycle.sweeping.Do(func() { s.wg.Go(s.sweep) })
}

// draining reports whether Shutdown has begun.
func (s *Server) draining() bool { return s.lifecycle.draining.Load() }

// Shutdown ends the server. It refuses new connections and closes the open ones
// one after the other, over Config.DrainWindow or as much of it as the context
// leaves, and faster when there are few. Events are delivered meanwhile.
// Shutdown returns when everything that the server started has ended, hooks
// included. The server cannot be used again.
//
// Connections are closed with code 4100. A page then waits for a second and
// reconnects, to another process or to the successor of this one. If it reaches
// this process again, it is refused with the same code.
//
// If the context is done first, Shutdown cuts off the remaining connections and
// returns an error that wraps the context's. Shutdown may be called several
// times, also concurrently; every call waits.
//
// Shut down in this order: first the broadcaster, so that nothing is published
// that nobody can receive; then the Server, while the http.Server still accepts
// connections; and last the http.Server. A page that finds the port closed
// waits for 15 seconds before it tries again. Outside of browsers, so does a
// pusher-js before version 8 that reconnects while the server is shutting down.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.lifecycle.begin() {
		s.drain(ctx)
		wait := func() {
			s.wg.Wait()
			s.cancel()
			close(s.lifecycle.done)
		}
		if s.lifecycle.end() {
			go wait() // every caller waits for its end
		} else {
			wait()
		}
	}
	select {
	case <-s.lifecycle.done:
		return nil
	default:
	}
	select {
	case <-s.lifecycle.done:
		return nil
	case <-ctx.Done():
		s.cancel()
		s.cutOff()
		return fmt.Errorf("server: shutdown: %w", context.Cause(ctx))
	}
}

// drainStep is how often connections are closed within the drain window.
const drainStep = 20 * time.Millisecond

// drainPace is the most time between two connections. A hundred clients per
// second can reconnect without harm, so closing a few does not take the whole
// window.
const drainPace = 10 * time.Millisecond

// drain closes all connections and waits until they have ended or ctx is done.
//
// The code is not 4200, since a page that gets that one is back within
// milliseconds. It would find this process, which must turn it away, and
// outside of browsers a pusher-js before version 8 gives up WebSockets after
// two short connections.
func (s *Server) drain(ctx context.Context) {
	conns := s.allConns()
	window := min(max(0, s.config.DrainWindow), time.Duration(len(conns))*drainPace)
	if deadline, ok := ctx.Deadline(); ok {
		// The last ones need a moment to answer.
		window = min(window, time.Until(deadline)*3/4)
	}
	begun := time.Now()
	ticker := time.NewTicker(drainStep)
	defer ticker.Stop()
	for closed := 0; ; {
		select {
		case <-s.lifecycle.empty:
			return
		default:
		}
		due := len(conns)
		if passed := time.Since(begun); passed < window {
			due = int(int64(len(conns)) * int64(passed) / int64(window))
		}
		for ; closed < due; closed++ {
			conns[closed].closeWith(closeOverCapacity, "the server is shutting down; try again")
		}
		if closed == len(conns) { // left are those that were just opening at the beginning
			conns, closed = slices.DeleteFunc(s.allConns(), (*conn).ending), 0
		}
		select {
		case <-ticker.C:
		case <-s.lifecycle.empty:
			return
		case <-ctx.Done():
			return
		}
	}
}

// cutOff closes every socket at once. Connections that open later close
// themselves.
func (s *Server) cutOff() {
	for _, c := range s.allConns() {
		c.kill()
	}
}

func (s *Server) allConns() []*conn {
	var conns []*conn
	for _, a := range s.apps.all() {
		conns = a.appendConns(conns)
	}
	return conns
}
