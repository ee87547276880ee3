package auth

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// DefaultGuard is the name of the guard made of the function that [NewHandler]
// is given.
const DefaultGuard = "default"

// guard finds out who sent a request.
type guard[U any] struct {
	name    string
	resolve func(*http.Request) (*U, error)
}

// user calls the guard and turns a panic into an error.
func (g guard[U]) user(r *http.Request) (u *U, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("auth: guard %q: %w", g.name, err)
		}
	}()
	defer recovered(&err)
	return g.resolve(r)
}

// Guard adds another way to find the user of a request, such as a separate
// session for administrators. Rules select it with [Guards]. As with the
// function given to [NewHandler], a nil user is a guest. Add guards before the
// rules that name them. Guard panics if the name is empty or already taken, or
// if resolve is nil.
func (h *Handler[U]) Guard(name string, resolve func(*http.Request) (*U, error)) {
	if name == "" || resolve == nil {
		panic(fmt.Sprintf("auth: guard %q (%s) needs a name and a function", name, caller()))
	}
	h.update(func(t *table[U]) {
		if t.guard(name) >= 0 {
			panic(fmt.Sprintf("auth: there are two guards %q; the second is at %s", name, caller()))
		}
		t.guards = append(t.guards, guard[U]{name, resolve})
	})
}

// table is everything that is registered with a handler. It is immutable;
// registering something replaces it with a changed copy.
type table[U any] struct {
	rules    []*rule[U]
	guards   []guard[U] // the default guard first
	bindings map[string]*binding
	signIn   *rule[U] // without kind and pattern; nil before Handler.Users
}

// update replaces the table with a changed copy.
func (h *Handler[U]) update(change func(*table[U])) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := h.table.Load()
	t := &table[U]{
		rules: slices.Clone(old.rules), guards: slices.Clone(old.guards),
		bindings: maps.Clone(old.bindings), signIn: old.signIn,
	}
	change(t)
	h.table.Store(t)
}

// guard returns the index of the named guard, or -1.
func (t *table[U]) guard(name string) int {
	return slices.IndexFunc(t.guards, func(g guard[U]) bool { return g.name == name })
}

// resolve returns the indexes of the guards that a rule names.
func (t *table[U]) resolve(options []RuleOption, refuse func(format string, args ...any)) []int {
	o := ruleOptions{guards: []string{DefaultGuard}}
	for _, option := range options {
		option(&o)
	}
	places := make([]int, len(o.guards))
	for i, name := range o.guards {
		if places[i] = t.guard(name); places[i] < 0 {
			known := make([]string, len(t.guards))
			for j, g := range t.guards {
				known[j] = g.name
			}
			refuse("unknown guard %q; known guards: %s", name, strings.Join(known, ", "))
		}
	}
	return places
}

// visitor is a Handler's Identity: who sent a request, according to each guard.
// Until it is settled it calls guards as they are needed and belongs to one
// goroutine. After that it no longer refers to the request and may be shared.
type visitor[U any] struct {
	handler *Handler[U]
	app     *credentials
	request *http.Request // nil once settled
	known   []answer[U]   // by guard
}

type answer[U any] struct {
	user  *U
	err   error
	asked bool
}

// user returns the user from the first of the guards that knows one, or nil.
func (v *visitor[U]) user(t *table[U], guards []int) (*U, error) {
	for _, g := range guards {
		if a := v.ask(t, g); a.user != nil || a.err != nil {
			return a.user, a.err
		}
	}
	return nil, nil
}

func (v *visitor[U]) ask(t *table[U], g int) answer[U] {
	if g < len(v.known) && v.known[g].asked {
		return v.known[g]
	}
	if v.request == nil {
		return answer[U]{} // a guard that was added after the visitor was settled
	}
	if len(v.known) < len(t.guards) {
		v.known = slices.Grow(v.known, len(t.guards)-len(v.known))[:len(t.guards)]
	}
	u, err := t.guards[g].user(v.request)
	v.known[g] = answer[U]{user: u, err: err, asked: true}
	return v.known[g]
}

// settle calls every guard and drops the request.
func (v *visitor[U]) settle(t *table[U]) {
	for g := range t.guards {
		v.ask(t, g)
	}
	v.request = nil
}
