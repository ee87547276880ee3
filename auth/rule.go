package auth

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/onairgo/onair/channel"
)

// rule is one registered rule.
type rule[U any] struct {
	kind    channel.Kind // KindPrivate or KindPresence
	pattern *channel.Pattern
	guards  []int  // indexes into table.guards, in the order they are tried
	source  string // file:line of the registration
	ask     func(ctx context.Context, user *U, s *Subscription) outcome
}

// RuleOption configures one rule or the sign-in.
type RuleOption func(*ruleOptions)

type ruleOptions struct {
	guards []string
}

// Guards names the guards of a rule, in the order in which they are tried:
// [DefaultGuard] or guards added with [Handler.Guard]. The user is that of the
// first guard that knows one. Without this option a rule uses the default guard
// alone. With an empty list it admits nobody.
func Guards(names ...string) RuleOption {
	return func(o *ruleOptions) { o.guards = append([]string{}, names...) }
}

// Private registers the rule for the private and encrypted channels whose name,
// without its prefix, matches the pattern, such as "orders.{order}"; see
// [channel.ParsePattern]. The pattern for a cache channel begins with "cache-".
//
// Rules are tried in the order in which they were registered. Returning true
// allows the subscription. Returning false refuses it at once, as does an error
// from [Deny], [ErrNotFound] or a [*ParamError]. Returning [Pass] leaves the
// decision to the next matching rule. An error takes precedence over true. Any
// other error, a panic, or a result that takes too long is a fault: nothing is
// signed, and the response has status 500 or 503. Rules are never called for
// guests: a rule whose guards do not know the user is skipped.
//
// Private panics if the pattern is malformed, cannot match any legal channel
// name or is already registered for private channels. It also panics if ask is
// nil or a guard is unknown. The panic message contains the source line of the
// call, and that of the earlier registration if there is one. Private may be
// called at any time and affects requests that arrive later.
func (h *Handler[U]) Private(pattern string, ask func(ctx context.Context, user *U, s *Subscription) (bool, error), options ...RuleOption) {
	r := &rule[U]{kind: channel.KindPrivate}
	if ask != nil {
		r.ask = func(ctx context.Context, user *U, s *Subscription) outcome {
			ok, err := ask(ctx, user, s)
			return outcome{allowed: ok && err == nil, err: err}
		}
	}
	h.register(r, pattern, options)
}

// Presence registers the rule for the presence channels whose name, without its
// prefix, matches the pattern. The member that ask returns is shown to the
// channel's other members; nil refuses. In all other respects Presence is like
// [Handler.Private]. The two kinds of rule are separate, so the same pattern
// may be registered for both.
func (h *Handler[U]) Presence(pattern string, ask func(ctx context.Context, user *U, s *Subscription) (*Member, error), options ...RuleOption) {
	r := &rule[U]{kind: channel.KindPresence}
	if ask != nil {
		r.ask = func(ctx context.Context, user *U, s *Subscription) outcome {
			m, err := ask(ctx, user, s)
			return outcome{allowed: m != nil && err == nil, who: m, err: err}
		}
	}
	h.register(r, pattern, options)
}

// register checks the rule and adds it.
func (h *Handler[U]) register(r *rule[U], pattern string, options []RuleOption) {
	r.source = caller()
	refuse := func(format string, args ...any) {
		panic(fmt.Sprintf("auth: %s rule %q (%s): %s", r.kind, pattern, r.source, fmt.Sprintf(format, args...)))
	}
	if r.ask == nil {
		refuse("the function is nil")
	}
	p, err := channel.ParsePattern(pattern)
	if err != nil {
		refuse("%v", err)
	}
	if why := unmatchable(r.kind, p); why != "" {
		refuse("it can never match: %s", why)
	}
	if prefix := leadingPrefix(pattern); prefix != "" {
		h.log.Warn("auth: a pattern begins with a prefix, which only a name with two prefixes matches",
			slog.String("pattern", pattern), slog.String("prefix", prefix), slog.String("source", r.source))
	}
	r.pattern = p
	h.update(func(t *table[U]) {
		for _, other := range t.rules {
			if other.kind == r.kind && other.pattern.String() == pattern {
				refuse("already registered at %s", other.source)
			}
		}
		r.guards = t.resolve(options, refuse)
		t.rules = append(t.rules, r)
	})
}

// ruleKind returns the kind of rule that decides about channels of kind k.
func ruleKind(k channel.Kind) channel.Kind {
	if k == channel.KindEncrypted {
		return channel.KindPrivate
	}
	return k
}

// unmatchable says why no legal channel name matches the pattern, or returns
// "".
func unmatchable(kind channel.Kind, p *channel.Pattern) string {
	// The shortest name that could match has one character per parameter.
	example := p.String()
	for _, name := range p.Names() {
		example = strings.Replace(example, "{"+name+"}", "x", 1)
	}
	wire := channel.Private(example)
	if kind == channel.KindPresence {
		wire = channel.Presence(example)
	}
	if _, err := channel.Parse(wire.String()); err != nil {
		return err.Error()
	}
	return ""
}

// leadingPrefix returns the channel prefix that a name begins with, or "".
func leadingPrefix(name string) string {
	for _, prefix := range []string{"private-encrypted-", "private-", "presence-", "encrypted-"} {
		if strings.HasPrefix(name, prefix) {
			return prefix
		}
	}
	return ""
}

// caller returns the file and line of the innermost caller outside this
// package.
func caller() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "github.com/onairgo/onair/auth.") {
			return fmt.Sprintf("%s:%d", f.File, f.Line)
		}
		if !more {
			return "unknown"
		}
	}
}

// Rule describes a registered rule.
type Rule struct {
	// Kind is channel.KindPrivate, which covers encrypted channels, or
	// channel.KindPresence.
	Kind channel.Kind
	// Pattern is the pattern as it was registered.
	Pattern string
	// Guards lists the names of the guards in the order in which they are tried.
	Guards []string
	// Source is the file and line where the rule was registered.
	Source string
}

// Rules returns the registered rules in the order in which they are tried.
func (h *Handler[U]) Rules() []Rule {
	t := h.table.Load()
	rules := make([]Rule, len(t.rules))
	for i, r := range t.rules {
		rules[i] = Rule{Kind: r.kind, Pattern: r.pattern.String(), Guards: make([]string, len(r.guards)), Source: r.source}
		for j, g := range r.guards {
			rules[i].Guards[j] = t.guards[g].name
		}
	}
	return rules
}

// WriteRules writes the registered rules to w as a table of kind, pattern,
// guards, and file and line, followed by their number. It corresponds to
// Laravel's channel:list.
func (h *Handler[U]) WriteRules(w io.Writer) error {
	rules := h.Rules()
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rules {
		guards := strings.Join(r.Guards, ", ")
		if guards == "" {
			guards = "nobody"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", r.Kind, r.Pattern, guards, path.Base(r.Source))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d channel rules\n", len(rules))
	return err
}
