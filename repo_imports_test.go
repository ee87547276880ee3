package onair_test

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// A layer says which of our packages those below dir may import. Besides them
// a package may import those above and below itself.
type layer struct {
	dir string
	may []string // directories, with all below them; "." is everything
}

// layers holds the most special first.
var layers = []layer{
	{"channel", nil},
	{"internal/bodytime", nil},
	{"internal/pusherproto", nil},
	{"internal/vectortest", nil},
	{"event", []string{"event", "channel"}},
	{"broadcast", []string{"broadcast", "event", "channel", "internal/pusherproto"}},
	{"auth", []string{"auth", "channel", "internal/bodytime", "internal/pusherproto", "internal/strictjson"}},
	{"server", []string{"server", "broadcast", "event", "auth", "channel", "internal"}},
	{"drivers", []string{"broadcast", "event", "auth", "channel", "internal/bodytime", "internal/pusherproto"}},
	{"internal/tools", nil},
	{"internal/bench", []string{"."}},
	{"internal/e2e", []string{"."}},
	{"internal", []string{"internal", "channel"}},
	{"cmd", []string{"."}},
	{"examples", []string{"."}},
	{".", nil},
}

var importRules = []rule{
	{
		name:  "layers",
		cure:  "move what both need to the lower package, or let the upper one pass it in",
		check: perFile(importLayers),
		bad: map[string]string{
			"channel/a.go":              imports("event"),
			"event/a.go":                imports("broadcast"),
			"event/notification/a.go":   imports("auth"),
			"broadcast/a.go":            imports("auth"),
			"auth/a.go":                 imports("broadcast"),
			"drivers/pusher/a.go":       imports("drivers/log"),
			"drivers/log/a.go":          imports("server"),
			"server/a.go":               imports("drivers"),
			"internal/pusherproto/a.go": imports("channel"),
			"internal/vectortest/a.go":  imports("channel"),
			"novel/a.go":                imports("channel"),
			"a.go":                      imports("channel"),
		},
		good: map[string]string{
			"event/notification/a.go": imports("event", "channel"),
			"auth/a.go":               imports("channel", "internal/pusherproto"),
			"drivers/a.go":            imports("drivers/log", "drivers/pusher"),
			"drivers/pusher/a.go":     imports("broadcast", "auth", "internal/pusherproto"),
			"server/a.go":             imports("server/console", "broadcast", "internal/memnet"),
			"examples/a/a.go":         imports("server", "drivers/log"),
			"channel/a_test.go":       imports("event"),
		},
	},
	{
		name:  "programs and helpers of tests stay outside",
		cure:  "import it in a _test.go file only",
		check: perFile(importsForTests),
		bad: map[string]string{
			"auth/a.go":                    imports("examples/quickstart"),
			"drivers/a.go":                 imports("drivers/drivertest"),
			"channel/a.go":                 imports("internal/vectortest"),
			"event/a.go":                   source(`import "testing"`),
			"server/a.go":                  source(`import "net/http/httptest"`),
			"broadcast/broadcasttest/a.go": source(`import "github.com/stretchr/testify/require"`),
		},
		good: map[string]string{
			"broadcast/broadcasttest/a.go": source(`import "testing"`, `import "`+modulePath+`/drivers/drivertest"`),
			"event/a_test.go":              source(`import "testing"`, `import "github.com/stretchr/testify/require"`),
			"examples/b/a.go":              imports("examples/a"),
		},
	},
}

// imports returns the source of a file that imports our packages in dirs.
func imports(dirs ...string) string {
	var lines []string
	for _, dir := range dirs {
		lines = append(lines, fmt.Sprintf("import %q", ours(dir)))
	}
	return source(lines...)
}

// ours returns the import path of our package in dir.
func ours(dir string) string { return path.Join(modulePath, dir) }

func importLayers(f *file, report func(where, what string)) {
	dir := f.dir()
	i := slices.IndexFunc(layers, func(l layer) bool { return within(dir, l.dir) })
	if i < 0 {
		report(f.path, "a folder without a layer, which repo_imports_test.go should name")
		return
	}
	if f.isTest() {
		return
	}
	for imported := range f.imports() {
		target, isOurs := strings.CutPrefix(imported, modulePath+"/")
		if !isOurs || within(target, dir) || within(dir, target) {
			continue
		}
		if !slices.ContainsFunc(layers[i].may, func(d string) bool { return d == "." || within(target, d) }) {
			report(f.path, "imports "+target+" against the direction of the layers")
		}
	}
}

func importsForTests(f *file, report func(where, what string)) {
	if f.isTest() {
		return
	}
	for imported := range f.imports() {
		target, isOurs := strings.CutPrefix(imported, modulePath+"/")
		switch {
		case isOurs && within(target, "examples") && !within(f.path, "examples"),
			within(imported, "github.com/stretchr/testify"),
			strings.HasSuffix(imported, "test") && !strings.HasSuffix(f.dir(), "test"),
			within(imported, "testing") && !strings.HasSuffix(f.dir(), "test"):
			report(f.path, "imports "+imported)
		}
	}
}

// lightPackages are those that every user links, with all that they may depend
// on beside the standard library. What they lack, others keep out of programs.
var lightPackages = map[string][]string{
	"channel":   {ours("channel")},
	"event":     {ours("event"), ours("channel")},
	"broadcast": {ours("broadcast"), ours("event"), ours("channel"), ours("internal/pusherproto"), "github.com/google/uuid", "golang.org/x/crypto", "golang.org/x/sys"},
	"auth":      {ours("auth"), ours("channel"), ours("internal/bodytime"), ours("internal/pusherproto"), ours("internal/strictjson"), "golang.org/x/time", "golang.org/x/crypto", "golang.org/x/sys"},
}

func TestLightPackages(t *testing.T) {
	t.Parallel()
	for pkg, allowed := range lightPackages {
		t.Run(pkg, func(t *testing.T) {
			t.Parallel()
			if _, err := os.Stat(pkg); err != nil {
				t.Fatalf("%v; the list of light packages names it", err)
			}
			cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./"+pkg)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("go list -deps: %v", err)
			}
			if heavy := outside(strings.Fields(string(out)), allowed); len(heavy) > 0 {
				t.Errorf("%s depends on %s; keep it in a package that fewer programs link", pkg, strings.Join(heavy, ", "))
			}
		})
	}
	t.Run("a heavy dependency is found", func(t *testing.T) {
		t.Parallel()
		got := outside([]string{ours("auth"), ours("authx"), "golang.org/x/time/rate", "example.org/heavy"}, lightPackages["auth"])
		if want := []string{ours("authx"), "example.org/heavy"}; !slices.Equal(got, want) {
			t.Errorf("found %q, want %q", got, want)
		}
	})
}

// outside returns the dependencies that are in none of the allowed trees.
func outside(deps, allowed []string) []string {
	return slices.DeleteFunc(deps, func(dep string) bool {
		return slices.ContainsFunc(allowed, func(a string) bool { return within(dep, a) })
	})
}
