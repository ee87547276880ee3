package onair_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The words that the rules refuse are written in pieces, because the rules
// read this file too.
var (
	newest     = regexp.MustCompile("@" + "latest")
	unfinished = regexp.MustCompile(`\b(` + "TO" + "DO|FIX" + "ME|X" + `XX)\b`)
	registries = regexp.MustCompile(`\b(proxy\.` + `golang\.org|sum\.` + `golang\.org|registry\.` + `(npmjs\.org|yarnpkg\.com)|deb\.` + `debian\.org|files\.` + `pythonhosted\.org|pypi\.` + `org)\b`)
	machine    = regexp.MustCompile(`(^|[^\w.)}/-])/(work|root|home/\w+)/|\.\./` + `shared\b`)
	published  = regexp.MustCompile(`\.(min|iife|umd)\.js$|(^|/)(vendor|testdata)/|(^|/)(package-lock\.json|go\.sum)$`)
)

var textRules = []rule{
	{
		name:  "exact versions",
		cure:  "name the version",
		check: refuse(newest, nil),
		bad:   map[string]string{"docs/a.md": "go run example.org/x@" + "latest"},
		good:  map[string]string{"docs/a.md": "go run example.org/x@v1.2.3, the latest"},
	},
	{
		name:  "nothing unfinished",
		cure:  "do it now or leave it out",
		check: refuse(unfinished, published),
		bad:   map[string]string{"a.go": source("// TO" + "DO: close it")},
		good:  map[string]string{"a.go": source("var mastodon = 1"), "static/pusher.min.js": "TO" + "DO"},
	},
	{
		name:  "no package registries",
		cure:  "refer to packages by name; in a lock file set omit-lockfile-registry-resolved",
		check: refuse(registries, nil),
		bad:   map[string]string{"package-lock.json": `"resolved": "https://registry.` + `npmjs.org/x"`},
		good:  map[string]string{"a.md": "golang.org/x/time and registry.example.org"},
	},
	{
		name:  "no paths of one machine",
		cure:  "use a path below the repository, a flag or a temporary directory",
		check: refuse(machine, nil),
		bad:   map[string]string{"a.go": source(`const dir = "/wo` + `rk/x"`), "b.sh": "cp ../" + "shared/a .", "c.md": "cd /ro" + "ot/x"},
		good:  map[string]string{"a.go": source(`const url = "https://example.org/work/x"`)},
	},
	{
		name:  "file names",
		cure:  "name it after the noun that it holds",
		check: perFile(fileName),
		bad:   map[string]string{"a/helpers.go": source(), "a/utils_test.go": source(), "common.go": source()},
		good:  map[string]string{"a/channel.go": source(), "a/commons.go": source()},
	},
	{
		name:  "file length",
		cure:  "give the second noun in it a file of its own",
		check: perFile(fileLength),
		bad:   map[string]string{"a.go": source(strings.Repeat("\n", 600))},
		good:  map[string]string{"a.go": source(strings.Repeat("\n", 500))},
	},
	{
		name:  "requirements",
		cure:  "every user's build list grows with it: give the package a module of its own, or add it to coreRequirements with what for",
		check: requirements,
		bad: map[string]string{
			"go.mod":           "module x\n\nrequire (\n\texample.org/heavy v1.2.3\n)\n",
			"drivers/x/go.mod": "module x\n\ntool example.org/x\n",
			"server/go.mod":    "module x\n\ntoolchain go1.26.8\n",
		},
		good: map[string]string{
			"go.mod":                "module x\n\nrequire github.com/google/uuid v1.6.0\n\nrequire (\n\tgolang.org/x/time v0.16.0\n\texample.org/heavy v1.2.3 // indirect\n)\n",
			"drivers/x/go.mod":      "module x\n\nrequire example.org/heavy v1.2.3\n",
			"internal/tools/go.mod": "module x\n\ntool example.org/x\n",
		},
	},
	{
		name:  "modules",
		cure:  "see CONTRIBUTING.md on modules",
		check: modules,
		bad: map[string]string{
			"drivers/x/go.mod": "module " + modulePath + "/drivers/x\n",
			"go.mod":           "module " + modulePath + "\n",
			"modules.txt":      ".\n",
		},
		good: map[string]string{"go.mod": "module " + modulePath + "\n", "x/go.mod": "module " + modulePath + "/x\n", "modules.txt": "# all\n.\nx\n"},
	},
}

// refuse makes a check that no line of a file matches, but for files whose
// path matches except.
func refuse(pattern, except *regexp.Regexp) func([]*file, func(where, what string)) {
	return func(files []*file, report func(where, what string)) {
		for _, f := range files {
			if strings.ContainsRune(f.text, 0) || except != nil && except.MatchString(f.path) {
				continue
			}
			n := 0
			for line := range strings.Lines(f.text) {
				n++
				if found := pattern.FindString(line); found != "" {
					report(fmt.Sprintf("%s:%d", f.path, n), fmt.Sprintf("found %q", strings.TrimSpace(found)))
				}
			}
		}
	}
}

var nounless = regexp.MustCompile(`(^|/)(common|helpers?|interfaces?|misc|utils?)(_test)?\.go$`)

func fileName(f *file, report func(where, what string)) {
	if nounless.MatchString(f.path) {
		report(f.path, "a name that says nothing")
	}
}

func fileLength(f *file, report func(where, what string)) {
	if n := strings.Count(f.text, "\n"); n > 600 {
		report(f.path, fmt.Sprintf("%d lines, want at most 600", n))
	}
}

// modules checks that modules.txt names each module, and that each has the path
// of its directory.
func modules(files []*file, report func(where, what string)) {
	var listed, found []string
	for _, f := range files {
		switch path.Base(f.path) {
		case "modules.txt":
			for line := range strings.Lines(f.text) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
					listed = append(listed, line)
				}
			}
		case "go.mod":
			found = append(found, f.dir())
			if want := "module " + ours(f.dir()) + "\n"; !strings.HasPrefix(f.text, want) {
				report(f.path, fmt.Sprintf("does not begin with %q", want))
			}
		}
	}
	slices.Sort(listed)
	slices.Sort(found)
	if !slices.Equal(listed, found) {
		report("modules.txt", fmt.Sprintf("lists %q, and there are %q", listed, found))
	}
}

// coreRequirements are the modules that the core may require directly.
var coreRequirements = map[string]string{
	"github.com/google/uuid":              "ids that sort by time",
	"github.com/pusher/pusher-http-go/v5": "the transport of drivers/pusher",
	"github.com/stretchr/testify":         "tests only",
	"golang.org/x/crypto":                 "sealed payloads of encrypted channels",
	"golang.org/x/time":                   "rate limits",
}

var (
	required = regexp.MustCompile(`(?m)^(?:require)?\s+(\S+\.\S+) v\S+$`) // not those marked indirect
	pinned   = regexp.MustCompile(`(?m)^(tool|toolchain)\b`)
)

// requirements checks what a module asks of its users' build lists.
func requirements(files []*file, report func(where, what string)) {
	for _, f := range files {
		if path.Base(f.path) != "go.mod" || within(f.path, "internal") {
			continue
		}
		if pinned.MatchString(f.text) {
			report(f.path, "pins a tool or a toolchain, and internal/tools is the place for it")
		}
		if f.path != "go.mod" {
			continue
		}
		for _, m := range required.FindAllStringSubmatch(f.text, -1) {
			if coreRequirements[m[1]] == "" {
				report(f.path, "requires "+m[1])
			}
		}
	}
}
