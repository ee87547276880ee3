package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lifecycle is where between New and the end of Shutdown a server is.
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

// enter counts a connection, unless Shutdown has begun, and has it waited for,
// also on its way in.
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

// begin begins Shutdown and reports whether it was the first to do so.
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

// end lets nothing begin any more, and reports whether something may still run.
func (l *lifecycle) end() (running bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed.Store(true)
	close(l.ended)
	return l.used
}

// goOutside starts a goroutine that no open connection accounts for. It reports
// false after the end, when nobody would wait for it.
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

// watchOver sees to it that the sweep runs. An open connection accounts for it.
func (s *Server) watchOver() {
	s.lifecycle.sweeping.Do(func() { s.wg.Go(s.sweep) })
}

// draining reports whether Shutdown has begun.
func (s *Server) draining() bool { return s.lifecycle.draining.Load() }

// Shutdown ends the server. It refuses new connections, then closes those that
// are open one after the other over Config.DrainWindow, or as much of it as the
// context leaves, and sooner when they are few. The code is 4100, after which
// pages wait for a second and connect anew, to another process or to this one's
// successor; those that come sooner are told the same. Events are delivered
// meanwhile. It returns when everything has ended that the server started, hooks
// included, and then the server is of no more use.
//
// When the context is done first, it cuts off the connections that are left and
// returns the context's error. It may be called several times, also at the same
// time; each call waits.
//
// Shut down in this order: the broadcaster, so that nothing is published into
// the void; the Server, while the http.Server still accepts; and the
// http.Server. A page that finds the port closed waits for 15 seconds before it
// tries again. So does, outside of browsers, a pusher-js before 8 that comes
// back while the server is shutting down.
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

// drainPace is the most time between two connections. A hundred clients a second
// can come back anywhere, so few of them do not need the whole window.
const drainPace = 10 * time.Millisecond

// drain closes all connections and waits for their end, or for that of ctx.
//
// The code is not 4200, after which pages are back within milliseconds: the
// process that they find is this one, which must turn them away, and pusher-js
// before 8 outside of browsers gives WebSockets up after two short connections.
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
		if closed == len(conns) { // those that were on their way in at the beginning are left
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

// cutOff closes every socket at once. Those that come later close themselves.
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
