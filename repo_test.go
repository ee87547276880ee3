package onair_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/onairgo/onair"

// A rule is a rule of the house. It holds when check reports nothing about the
// repository's files; bad and good are one small tree each, by path, that it
// must refuse and must accept.
type rule struct {
	name  string
	cure  string
	check func(files []*file, report func(where, what string))
	bad   map[string]string
	good  map[string]string
}

// TestRepository applies the rules to this repository.
func TestRepository(t *testing.T) {
	t.Parallel()
	files := repositoryFiles(t)
	for _, r := range allRules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.check(files, func(where, what string) { t.Errorf("%s: %s; %s", where, what, r.cure) })
		})
	}
}

// TestRules applies each rule to a tree that breaks it and to one that does not.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, r := range allRules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			var found []string
			collect := func(where, what string) { found = append(found, where+": "+what) }
			r.check(parseTree(t, r.good), collect)
			if len(found) > 0 {
				t.Errorf("refuses the good tree: %q", found)
			}
			for name := range r.bad {
				found = nil
				r.check(parseTree(t, map[string]string{name: r.bad[name]}), collect)
				if len(found) == 0 {
					t.Errorf("accepts the bad %s", name)
				}
			}
		})
	}
}

func allRules() []rule { return slices.Concat(textRules, sourceRules, importRules, docRules) }

// file is a file of the repository; syntax is nil unless it is a Go file
// outside testdata.
type file struct {
	path   string // below the root, with slashes
	text   string
	syntax *ast.File
	fset   *token.FileSet
}

// repositoryFiles reads what git tracks or is about to track.
func repositoryFiles(t *testing.T) []*file {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate").Output()
	if err != nil {
		t.Fatalf("git ls-files: %v; the rules are checked in a clone, with git installed", err)
	}
	tree := make(map[string]string)
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			continue // removed, and not yet committed so
		}
		if err != nil {
			t.Fatal(err)
		}
		tree[name] = string(text)
	}
	return parseTree(t, tree)
}

func parseTree(t *testing.T, tree map[string]string) []*file {
	t.Helper()
	fset := token.NewFileSet()
	var files []*file
	for name, text := range tree {
		f := &file{path: name, text: text, fset: fset}
		if strings.HasSuffix(name, ".go") && !strings.Contains("/"+name, "/testdata/") {
			var err error
			if f.syntax, err = parser.ParseFile(fset, name, text, parser.ParseComments); err != nil {
				t.Fatal(err)
			}
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.path, b.path) })
	return files
}

// perFile makes a rule's check of a check of one Go file.
func perFile(check func(f *file, report func(where, what string))) func([]*file, func(where, what string)) {
	return func(files []*file, report func(where, what string)) {
		for _, f := range files {
			if f.syntax != nil {
				check(f, report)
			}
		}
	}
}

func (f *file) dir() string { return path.Dir(f.path) }

func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// isProgram reports whether the file is part of a program or an example, which
// may print and needs no documented names.
func (f *file) isProgram() bool {
	return f.syntax.Name.Name == "main" || within(f.path, "examples") || within(f.path, "cmd") ||
		within(f.path, "internal/tools") || within(f.path, "internal/e2e")
}

// isPublic reports whether users of the library see the file's names.
func (f *file) isPublic() bool {
	return !f.isTest() && !f.isProgram() && !strings.Contains("/"+f.path, "/internal/")
}

func (f *file) where(n ast.Node) string {
	return f.path + ":" + strconv.Itoa(f.line(n.Pos()))
}

func (f *file) line(p token.Pos) int { return f.fset.Position(p).Line }

// imports returns the file's import paths with the names that they have in it.
func (f *file) imports() map[string]string {
	out := make(map[string]string)
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		out[p] = path.Base(p)
		if spec.Name != nil {
			out[p] = spec.Name.Name
		}
	}
	return out
}

// uses calls found with every selector of the package at importPath.
func (f *file) uses(importPath string, found func(*ast.SelectorExpr)) {
	name, ok := f.imports()[importPath]
	if !ok {
		return
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && x.Obj == nil {
				found(sel)
			}
		}
		return true
	})
}

// within reports whether a slash-separated path is dir or below it.
func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, dir+"/")
}

// source joins a package clause and lines to a Go file.
func source(lines ...string) string {
	return fmt.Sprintf("package p\n\n%s\n", strings.Join(lines, "\n"))
}
