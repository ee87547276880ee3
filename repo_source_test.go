package onair_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// openComparisons are values that only sound secret, by file and name, with the
// reason why the time of their comparison tells nothing.
var openComparisons = map[string]string{
	"internal/pusherproto/rest.go: ParamSignature": "the name of a parameter",
	"server/signature.go: AuthVersion":             "the version of the protocol",
}

var sourceRules = []rule{
	{
		name:  "function length",
		cure:  "split it where its second job begins",
		check: functionLength,
		bad:   map[string]string{"a.go": source("func f() {", strings.Repeat("\n", 101), "}")},
		good:  map[string]string{"a.go": source("func f() {", strings.Repeat("\n", 50), "}")},
	},
	{
		name:  "no sleeping tests",
		cure:  "wait for the event itself, or run inside synctest.Test, where time is virtual; a function that only such tests call shows it with synctest.Wait",
		check: perFile(sleeps),
		bad:   map[string]string{"a_test.go": source(`import "time"`, "func f() { time.Sleep(1) }")},
		good: map[string]string{
			"a.go":      source(`import "time"`, "func f() { time.Sleep(1) }"),
			"a_test.go": source(`import ("time"; "testing/synctest")`, "func f() { synctest.Test(nil, func() { time.Sleep(1) }) }"),
			"b_test.go": source(`import ("time"; "testing/synctest")`, "func pass() { synctest.Wait(); time.Sleep(1) }"),
		},
	},
	{
		name:  "no printing in libraries",
		cure:  "return an error, or log through the *slog.Logger that the user gave",
		check: perFile(prints),
		bad: map[string]string{
			"a.go": source(`import "fmt"`, "func f() { fmt.Println() }"),
			"b.go": source(`import l "log"`, "func f() { l.Fatalf(``) }"),
			"c.go": source(`import "os"`, "func f() { os.Exit(1) }"),
			"d.go": source("func f() { println() }"),
		},
		good: map[string]string{
			"a.go":          source(`import "fmt"`, "var _ = fmt.Sprint"),
			"b.go":          source(`import "`+modulePath+`/drivers/log"`, "func f() { log.Print() }"),
			"cmd/x/main.go": "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n",
			"a_test.go":     source(`import "fmt"`, "func Example() { fmt.Println() }"),
		},
	},
	{
		name:  "no timing of secrets",
		cure:  "compare with hmac.Equal, or add the expression to openComparisons with the reason",
		check: comparesSecrets,
		bad: map[string]string{
			"a.go": source("func f(sig, want string) bool { return sig == want }"),
			"b.go": source("func f(r R, want string) bool { return want != r.Auth }"),
			"c.go": source("func f(clientMAC []byte) bool { return hex.EncodeToString(clientMAC) == want() }"),
			"d.go": source("func f(bodyHash, b []byte) bool { return bytes.Equal(bodyHash, b) }"),
		},
		good: map[string]string{
			"a.go":      source(`func f(sig string, mac []byte) bool { return sig == "" || mac == nil || len(mac) != 32 }`),
			"b.go":      source("func f(err error, machine, signal, author string) bool { return err == auth.ErrX || machine == signal || author == machine }"),
			"c.go":      source("func f(mac, want []byte) bool { return hmac.Equal(mac, want) }"),
			"a_test.go": source("func f(sig, want string) bool { return sig == want }"),
		},
	},
}

// functionLength refuses functions above 100 lines, and more than three in a
// hundred above 60. Tests are free: their tables are long.
func functionLength(files []*file, report func(where, what string)) {
	var all int
	var long []string
	for _, f := range files {
		if f.syntax == nil || f.isTest() {
			continue
		}
		for _, d := range f.syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			all++
			n := f.line(fn.End()) - f.line(fn.Pos()) + 1
			if n > 100 {
				report(f.where(fn), fmt.Sprintf("%s has %d lines, want at most 60, or 100 with a reason", fn.Name.Name, n))
			} else if n > 60 {
				long = append(long, fmt.Sprintf("%s %s (%d lines)", f.where(fn), fn.Name.Name, n))
			}
		}
	}
	if len(long)*100 > all*3 {
		report("repository", fmt.Sprintf("%d of %d functions are above 60 lines, want at most 3 in 100: %s", len(long), all, strings.Join(long, ", ")))
	}
}

// sleeps allows a sleep in virtual time: inside synctest.Test, or in a function
// that calls synctest.Wait, which panics outside of a bubble.
func sleeps(f *file, report func(where, what string)) {
	if !f.isTest() {
		return
	}
	var bubbles []ast.Node
	f.uses("testing/synctest", func(sel *ast.SelectorExpr) {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if n.Fun == ast.Expr(sel) && sel.Sel.Name == "Test" {
					bubbles = append(bubbles, n)
				}
			case *ast.FuncDecl:
				if sel.Sel.Name == "Wait" && n.Pos() <= sel.Pos() && sel.End() <= n.End() {
					bubbles = append(bubbles, n)
				}
			}
			return true
		})
	})
	f.uses("time", func(sel *ast.SelectorExpr) {
		inBubble := func(n ast.Node) bool { return n.Pos() <= sel.Pos() && sel.End() <= n.End() }
		if sel.Sel.Name == "Sleep" && !slices.ContainsFunc(bubbles, inBubble) {
			report(f.where(sel), "time.Sleep in a test")
		}
	})
}

var printing = map[string]*regexp.Regexp{
	"fmt": regexp.MustCompile(`^Print`),
	"log": regexp.MustCompile(`^(Print|Fatal|Panic)`),
	"os":  regexp.MustCompile(`^(Exit|Stdout|Stderr)$`),
}

func prints(f *file, report func(where, what string)) {
	if f.isTest() || f.isProgram() {
		return
	}
	for pkg, names := range printing {
		f.uses(pkg, func(sel *ast.SelectorExpr) {
			if names.MatchString(sel.Sel.Name) {
				report(f.where(sel), pkg+"."+sel.Sel.Name)
			}
		})
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if fn, ok := call.Fun.(*ast.Ident); ok && fn.Obj == nil && (fn.Name == "print" || fn.Name == "println") {
				report(f.where(call), "the built-in "+fn.Name)
			}
		}
		return true
	})
}

// comparesSecrets refuses comparisons of signatures and their kin that end at
// the first difference. Comparing with a constant or a length is no secret.
func comparesSecrets(files []*file, report func(where, what string)) {
	met := make(map[string]bool)
	for _, f := range files {
		if f.syntax == nil || f.isTest() {
			continue
		}
		comparisons(f, func(n ast.Node, operands []ast.Expr) {
			if slices.ContainsFunc(operands, isConstant) {
				return
			}
			for _, x := range operands {
				name := operandName(x)
				key := f.path + ": " + name
				met[key] = true
				if _, open := openComparisons[key]; !open && isSecret(name) {
					report(f.where(n), fmt.Sprintf("compares %s in a time that tells how much of it is right", name))
				}
			}
		})
	}
	for _, f := range files {
		for key := range openComparisons {
			if strings.HasPrefix(key, f.path+": ") && !met[key] {
				report(f.path, fmt.Sprintf("openComparisons holds %q, which is gone", key))
			}
		}
	}
}

// comparisons calls found with the operands of each comparison that is not
// made for secrets.
func comparisons(f *file, found func(n ast.Node, operands []ast.Expr)) {
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				found(n, []ast.Expr{n.X, n.Y})
			}
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
				switch operandName(sel.X) + "." + sel.Sel.Name {
				case "bytes.Equal", "bytes.Compare", "strings.Compare", "strings.EqualFold", "slices.Equal", "reflect.DeepEqual":
					found(n, n.Args)
				}
			}
		}
		return true
	})
}

// isConstant reports whether an operand is a literal, nil, a truth value or a length.
func isConstant(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return x.Name == "nil" || x.Name == "true" || x.Name == "false"
	case *ast.CallExpr:
		return operandName(x.Fun) == "len"
	}
	return false
}

// operandName returns the name by which a reader knows an operand: of a field
// the field's, of a conversion or an encoding its argument's.
func operandName(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.ParenExpr:
		return operandName(x.X)
	case *ast.StarExpr:
		return operandName(x.X)
	case *ast.IndexExpr:
		return operandName(x.X)
	case *ast.SliceExpr:
		return operandName(x.X)
	case *ast.CallExpr:
		for _, arg := range x.Args {
			if name := operandName(arg); isSecret(name) {
				return name
			}
		}
		return operandName(x.Fun)
	}
	return ""
}

// isSecret reports whether one of the words of a name is that of a signature.
func isSecret(name string) bool {
	return slices.ContainsFunc(words(name), func(w string) bool {
		return slices.Contains([]string{"sig", "auth", "hash", "mac", "hmac", "signature", "digest", "secret"}, w)
	})
}

// words splits a Go name: clientMAC is "client" and "mac", HTTPAuth "http" and "auth".
func words(name string) []string {
	var out []string
	runes := []rune(name)
	start := 0
	for i := 1; i <= len(runes); i++ {
		if i == len(runes) || unicode.IsUpper(runes[i]) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			out = append(out, strings.ToLower(string(runes[start:i])))
			start = i
		}
	}
	return out
}
