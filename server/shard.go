package server

import (
	"context"
	"sync"
)

// A shard writes to a part of the connections. It has one queue of what to
// write and of who joins and leaves which audience. One goroutine at a time
// carries the queue out in order, so a connection receives everything in the
// order in which it was queued, across all its channels. A publisher queues in
// all shards while it holds the lock of the channel, which gives all
// subscribers the same order.
//
// While a broadcast is being written the queue grows. Frames that have queued
// up for the same audience then go out together, in one write to each socket.
// An idle shard adds no delay: its goroutine starts with the first task.
type shard struct {
	server *Server

	mu      sync.Mutex
	queue   []task
	bytes   int // of the frames in queue
	running bool
	taken   chan struct{} // closed when the queue is taken; nil while nobody waits
}

// A shard whose queue is longer makes publishers and readers wait.
const (
	maxQueuedTasks = 8 << 10
	maxQueuedBytes = 8 << 20
)

// maxJoined is the maximum length of several frames that go out in one write.
const maxJoined = 64 << 10

type taskKind uint8

const (
	taskDeliver taskKind = iota // frame to all of audience, except conn
	taskSend                    // frame to conn
	taskShut                    // frame to conn, as its last
	taskJoin                    // sub joins its audience and gets frame
	taskLeave                   // sub leaves its audience
)

type task struct {
	kind     taskKind
	audience *audience
	sub      *subscription
	conn     *conn
	frame    []byte
}

// audience is those subscribers of a channel whose connections belong to one
// shard. Its lists belong to the goroutine of that shard.
type audience struct {
	shard *shard
	refs  int // subscriptions that have joined and not left; guarded by the stripe

	conns []*conn
	subs  []*subscription // in the same order as conns
}

func (sh *shard) push(t task) {
	sh.mu.Lock()
	sh.queue = append(sh.queue, t)
	sh.bytes += len(t.frame)
	start := !sh.running
	sh.running = true
	sh.mu.Unlock()
	if start {
		sh.server.wg.Go(sh.run)
	}
}

// admit waits while the shard is too far behind.
func (sh *shard) admit(ctx context.Context) error {
	for {
		sh.mu.Lock()
		if len(sh.queue) < maxQueuedTasks && sh.bytes < maxQueuedBytes {
			sh.mu.Unlock()
			return nil
		}
		if sh.taken == nil {
			sh.taken = make(chan struct{})
		}
		taken := sh.taken
		sh.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// run carries out the queue until it is empty.
func (sh *shard) run() {
	var tasks, spare []task
	for {
		sh.mu.Lock()
		tasks, sh.queue = sh.queue, spare
		sh.bytes = 0
		if sh.taken != nil {
			close(sh.taken)
			sh.taken = nil
		}
		if len(tasks) == 0 {
			sh.running = false
			sh.mu.Unlock()
			return
		}
		sh.mu.Unlock()
		sh.carryOut(tasks)
		clear(tasks)
		spare = tasks[:0]
	}
}

func (sh *shard) carryOut(tasks []task) {
	for len(tasks) > 0 {
		n := 1
		switch t := &tasks[0]; t.kind {
		case taskDeliver:
			bytes := len(t.frame)
			for n < len(tasks) && tasks[n].kind == taskDeliver && tasks[n].audience == t.audience && bytes+len(tasks[n].frame) <= maxJoined {
				bytes += len(tasks[n].frame)
				n++
			}
			t.audience.deliver(tasks[:n], bytes)
		case taskSend:
			t.conn.write(t.frame)
		case taskShut:
			t.conn.writeLast(t.frame)
		case taskJoin:
			t.sub.audience.add(t.sub)
			t.sub.conn.write(t.frame)
		case taskLeave:
			t.sub.audience.remove(t.sub)
		}
		tasks = tasks[n:]
	}
}

// deliver writes the frames of the tasks, which have that many bytes in all, to
// every connection.
func (au *audience) deliver(tasks []task, bytes int) {
	all := join(tasks, bytes, nil)
	excluding := false
	for i := range tasks {
		excluding = excluding || tasks[i].conn != nil
	}
	left := 0 // deliveries that were left out
	for _, c := range au.conns {
		frames := all
		if excluding {
			if n := excluded(tasks, c); n > 0 {
				left += n
				frames = join(tasks, bytes, c)
			}
		}
		if len(frames) > 0 {
			c.write(frames)
		}
	}
	if len(au.conns) > 0 {
		au.conns[0].app.stats.delivered.Add(uint64(len(tasks)*len(au.conns) - left))
	}
}

// excluded returns how many of the tasks exclude c.
func excluded(tasks []task, c *conn) (n int) {
	for i := range tasks {
		if tasks[i].conn == c {
			n++
		}
	}
	return n
}

// join returns those frames of the tasks that are for c, one after the other;
// nil stands for a connection that none excludes. A single frame is not copied:
// it is shared and never changed.
func join(tasks []task, bytes int, c *conn) []byte {
	if len(tasks) == 1 {
		if c != nil && tasks[0].conn == c {
			return nil
		}
		return tasks[0].frame
	}
	b := make([]byte, 0, bytes)
	for i := range tasks {
		if c == nil || tasks[i].conn != c {
			b = append(b, tasks[i].frame...)
		}
	}
	return b
}

func (au *audience) add(sub *subscription) {
	sub.index = len(au.conns)
	au.conns = append(au.conns, sub.conn)
	au.subs = append(au.subs, sub)
}

func (au *audience) remove(sub *subscription) {
	last := len(au.conns) - 1
	au.conns[sub.index], au.subs[sub.index] = au.conns[last], au.subs[last]
	au.subs[sub.index].index = sub.index
	au.conns[last], au.subs[last] = nil, nil
	au.conns, au.subs = au.conns[:last], au.subs[:last]
}
