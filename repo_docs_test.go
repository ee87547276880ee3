package onair_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var docRules = []rule{
	{
		name:  "package comments",
		cure:  `write one comment above one package clause, which begins with "Package name" unless it is a program's`,
		check: packageComments,
		bad: map[string]string{
			"auth/a.go":     source(),
			"auth/b.go":     "// About p.\npackage p\n",
			"cmd/x/a.go":    "package main\n",
			"internal/a.go": "// Package q is q.\npackage p\n",
		},
		good: map[string]string{
			"auth/doc.go":   "// Package p does it.\npackage p\n",
			"auth/a.go":     source(),
			"x/a_test.go":   source(),
			"cmd/x/main.go": "// Command x does it.\npackage main\n",
		},
	},
	{
		name:  "doc comments",
		cure:  "say what it does and what its users must know, beginning with its name",
		check: perFile(docComments),
		bad: map[string]string{
			"a.go": source("func F() {}"),
			"b.go": source("// Does it.", "func F() {}"),
			"c.go": source("// Fun is close.", "func F() {}"),
			"d.go": source("// T is t.", "type T struct{}", "func (*T) M() {}"),
			"e.go": source("// G is g.", "type G[T any] struct{}", "func (G[T]) M() {}"),
			"f.go": source("// T is t.", "type T struct {", "\tA int", "}"),
			"g.go": source("// I is i.", "type I interface {", "\tM()", "\tN()", "}"),
			"h.go": source("var Err = 1"),
			"i.go": source("const (", "\tA = 1", ")"),
			"j.go": source("type (", "\tT int", ")"),
		},
		good: map[string]string{
			"a.go":          source("// F does it.", "func F() {}", "func f() {}"),
			"b.go":          source("// A T is t.", "type T struct {", "\t// A and B are numbers.", "\tA int", "\tB int", "\tC int // C is one more.", "\tc int", "}", "func (t) M() {}"),
			"c.go":          source("// Kinds of it.", "const (", "\tA = 1", "\tB = 2", ")", "var (", "\tC = 1 // C is one.", "\t// D is two.", "\tD = 2", ")"),
			"d.go":          source("// I is i.", "type I interface {", "\t// M does it.", "\tM()", "\tN()", "}", "// J is j.", "type J interface {", "\tM()", "}"),
			"e.go":          source("// P is a key and its secret.", "type P struct {", "\tKey, Secret string", "}"),
			"internal/x.go": source("func F() {}"),
			"a_test.go":     source("func F() {}"),
		},
	},
}

// packageComments checks that each package has one comment in its place.
func packageComments(files []*file, report func(where, what string)) {
	comments := make(map[string]int)
	var dirs []string
	for _, f := range files {
		if f.syntax == nil || f.isTest() {
			continue
		}
		if _, seen := comments[f.dir()]; !seen {
			dirs = append(dirs, f.dir())
			comments[f.dir()] = 0
		}
		if f.syntax.Doc == nil {
			continue
		}
		comments[f.dir()]++
		if name := f.syntax.Name.Name; name != "main" && !strings.HasPrefix(f.syntax.Doc.Text(), "Package "+name+" ") {
			report(f.path, "the package comment begins otherwise")
		}
	}
	for _, dir := range dirs {
		if n := comments[dir]; n != 1 {
			report(dir, fmt.Sprintf("%d package comments, want 1", n))
		}
	}
}

// docComments checks the comments of exported names.
func docComments(f *file, report func(where, what string)) {
	if !f.isPublic() {
		return
	}
	for _, d := range f.syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type))) {
				named(f, d, d.Doc, report, d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				documentedSpec(f, d, spec, report)
			}
		}
	}
}

// documentedSpec checks one name of a declaration. A comment above a group of
// constants or variables stands for all that have none of their own.
func documentedSpec(f *file, d *ast.GenDecl, spec ast.Spec, report func(where, what string)) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return
		}
		doc := spec.Doc
		if doc == nil && d.Lparen == token.NoPos {
			doc = d.Doc
		}
		named(f, spec, doc, report, spec.Name)
		switch t := spec.Type.(type) {
		case *ast.StructType:
			documentedFields(f, t.Fields, doc.Text(), report)
		case *ast.InterfaceType:
			if len(t.Methods.List) > 1 { // the comment of an interface is that of its only method
				documentedFields(f, t.Methods, doc.Text(), report)
			}
		}
	case *ast.ValueSpec:
		switch {
		case spec.Doc != nil:
			named(f, spec, spec.Doc, report, spec.Names...)
		case d.Lparen == token.NoPos:
			named(f, spec, d.Doc, report, spec.Names...)
		case d.Doc == nil && spec.Comment == nil:
			named(f, spec, nil, report, spec.Names...)
		}
	}
}

// named reports a declaration of exported names whose comment is missing or
// begins with none of them. An article may stand before the name.
func named(f *file, n ast.Node, doc *ast.CommentGroup, report func(where, what string), names ...*ast.Ident) {
	exported := ""
	for _, name := range names {
		if !name.IsExported() {
			continue
		}
		exported = name.Name
		if regexp.MustCompile(`^((A|An|The) )?` + name.Name + `\b`).MatchString(doc.Text()) {
			return
		}
	}
	if exported != "" {
		report(f.where(n), exported+" has no comment that begins with its name")
	}
}

// documentedFields checks that exported fields and methods have a comment each,
// stand right below one that has, or are spoken of in the type's own comment.
func documentedFields(f *file, fields *ast.FieldList, doc string, report func(where, what string)) {
	covered := -1 // the last line that a comment speaks of
	for _, field := range fields.List {
		if field.Doc != nil || field.Comment != nil || f.line(field.Pos()) == covered+1 {
			covered = f.line(field.End())
			continue
		}
		for _, name := range field.Names {
			if name.IsExported() && !regexp.MustCompile(`(?i)\b`+name.Name+`\b`).MatchString(doc) {
				report(f.where(field), name.Name+" has no comment")
			}
		}
	}
}

// receiver returns the name of a method's type.
func receiver(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	}
	return operandName(x)
}

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

// TestDocumentedPrograms compiles every whole program in a Markdown file as a
// user would: in a module of its own that requires this one.
func TestDocumentedPrograms(t *testing.T) {
	t.Parallel()
	for _, f := range repositoryFiles(t) {
		if !strings.HasSuffix(f.path, ".md") || within(f.path, "internal") {
			continue
		}
		for i, program := range programs(f.text) {
			t.Run(fmt.Sprintf("%s/%d", f.path, i+1), func(t *testing.T) {
				t.Parallel()
				if formatted, err := format.Source([]byte(program)); err != nil || string(formatted) != program {
					t.Errorf("not formatted by gofmt (%v):\n%s", err, program)
				}
				if out, err := compile(t, program); err != nil {
					t.Errorf("does not compile (%v):\n%s\n%s", err, out, program)
				}
			})
		}
	}
	t.Run("a broken program is found", func(t *testing.T) {
		t.Parallel()
		if out, err := compile(t, "package main\n\nfunc main() { undefined() }\n"); err == nil || !strings.Contains(string(out), "undefined") {
			t.Errorf("compile: %v\n%s", err, out)
		}
	})
}

// TestQuickStart checks that the README's first program is short, that there is
// one, and that it is the one in examples/quickstart.
func TestQuickStart(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatalf("%v; the README holds the quick start", err)
	}
	all := programs(string(readme))
	if len(all) == 0 {
		t.Fatal("README.md has no Go block that begins with package main, so no quick start")
	}
	if n := strings.Count(all[0], "\n"); n >= 20 {
		t.Errorf("the quick start has %d lines, want fewer than 20:\n%s", n, all[0])
	}
	example, err := os.ReadFile("examples/quickstart/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if _, program, _ := strings.Cut(string(example), "\n"); program != all[0] {
		t.Errorf("examples/quickstart/main.go is not the README's quick start below one line of comment:\n%s", program)
	}
}

// fragmentsUse is what the README's Go blocks that are no programs take for
// granted.
const fragmentsUse = `package main

import (
	"context"
	"net/http"
	"os"
	"testing"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers"
	"github.com/onairgo/onair/server"
)

type User struct{ ID, Name string }

var (
	mux *http.ServeMux
	r   *http.Request
	s   struct{ ID, MentorID string }
	t   *testing.T

	app auth.App
	srv *server.Server
	b   *broadcast.Broadcaster

	currentUser  func(*http.Request) (*User, error)
	appOfRequest func(*http.Request) (auth.App, error)
	appOf        func(context.Context, server.AppQuery) (auth.App, error)
	tenantOf     func(context.Context) (string, error)
)

func main() {}
`

var declared = regexp.MustCompile(`(?m)^(\w+(?:, \w+)*) := `)

// TestFragments checks that the README's Go blocks that are no programs compile:
// declarations as they stand, and each of the others in a function of its own.
func TestFragments(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	program := []byte(fragmentsUse)
	for i, m := range goBlock.FindAllStringSubmatch(string(readme), -1) {
		switch {
		case strings.HasPrefix(m[1], "package "):
		case strings.HasPrefix(m[1], "type "):
			program = append(program, m[1]...)
		default:
			program = fmt.Appendf(program, "func fragment%d() {\n%s", i, m[1])
			for _, names := range declared.FindAllStringSubmatch(m[1], -1) {
				for name := range strings.SplitSeq(names[1], ", ") {
					program = fmt.Appendf(program, "_ = %s\n", name)
				}
			}
			program = append(program, "}\n"...)
		}
	}
	if out, err := compile(t, string(program)); err != nil {
		t.Errorf("a Go block of the README does not compile (%v):\n%s\n%s", err, out, program)
	}
}

// programs returns the Go blocks of a Markdown text that are whole programs.
func programs(markdown string) []string {
	var out []string
	for _, m := range goBlock.FindAllStringSubmatch(markdown, -1) {
		if strings.HasPrefix(m[1], "package main\n") {
			out = append(out, m[1])
		}
	}
	return out
}

// compile vets and builds a program in a module of its own.
func compile(t *testing.T, program string) ([]byte, error) {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	mod = bytes.Replace(mod, []byte("module "+modulePath+"\n"), []byte("module example.org/program\n"), 1)
	mod = fmt.Appendf(mod, "\nrequire %s v0.0.0\n\nreplace %[1]s => %q\n", modulePath, root)
	dir := t.TempDir()
	for name, text := range map[string][]byte{"go.mod": mod, "go.sum": sum, "main.go": []byte(program)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"vet", "-mod=mod", "."}, {"build", "-mod=mod", "-o", os.DevNull, "."}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return out, err
		}
	}
	return nil, nil
}
