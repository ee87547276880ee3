package main_test

import (
	"context"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	main "github.com/onairgo/onair/cmd/onair"
)

// asProgram makes the test's own executable the program.
const asProgram = "ONAIR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main.Main()
		return
	}
	os.Exit(m.Run())
}

// result is what became of a run.
type result struct {
	code           int
	stdout, stderr string
}

// run runs the program until it ends by itself.
func run(ctx context.Context, env map[string]string, args ...string) result {
	var stdout, stderr output
	code := runInto(ctx, env, &stdout, &stderr, args...)
	return result{code, stdout.String(), stderr.String()}
}

func runInto(ctx context.Context, env map[string]string, stdout, stderr io.Writer, args ...string) int {
	return main.Run(ctx, args, func(name string) string { return env[name] }, stdout, stderr)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"no command", nil, 2, "", "usage: onair <command>"},
		{"unknown command", []string{"start"}, 2, "", `unknown command "start"`},
		{"help", []string{"help"}, 0, "usage: onair <command>", ""},
		{"-h", []string{"-h"}, 0, "usage: onair <command>", ""},
		{"help of serve", []string{"help", "serve"}, 0, "usage: onair serve", ""},
		{"-h of serve", []string{"serve", "-h"}, 0, "usage: onair serve", ""},
		{"version", []string{"version"}, 0, "onair ", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := run(t.Context(), nil, tt.args...)
			assert.Equal(t, tt.code, got.code)
			for _, stream := range []struct{ want, got string }{{tt.stdout, got.stdout}, {tt.stderr, got.stderr}} {
				if stream.want == "" {
					assert.Empty(t, stream.got)
				} else {
					assert.Contains(t, stream.got, stream.want)
				}
			}
		})
	}
}

func TestHelpNamesEveryFlagAndTheSecretsVariable(t *testing.T) {
	t.Parallel()
	got := run(t.Context(), nil, "help", "serve")
	for _, flag := range []string{"-addr", "-app-id", "-app-key", "-app-secret", "-allowed-origins", "-tls-cert", "-tls-key", "ONAIR_APP_SECRET"} {
		assert.Contains(t, got.stdout, flag)
	}
}

func TestMistakesAreExplained(t *testing.T) {
	t.Parallel()
	credentials := []string{"-app-id=1", "-app-key=key", "-app-secret=hidden-7"}
	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
		want []string
	}{
		{"unknown flag", nil, []string{"-port=1"}, []string{"-port", "help serve"}},
		{"argument", nil, []string{"6001"}, []string{`unexpected argument "6001"`}},
		{"key and secret missing", nil, []string{"-app-id=1"}, []string{"-app-key (ONAIR_APP_KEY) and -app-secret (ONAIR_APP_SECRET)", "give all three"}},
		{"secret missing, of the environment", map[string]string{"ONAIR_APP_ID": "1", "ONAIR_APP_KEY": "key"}, nil, []string{"-app-secret (ONAIR_APP_SECRET)"}},
		{"key that cannot stand in a URL", nil, []string{"-app-id=1", "-app-key=a/b", "-app-secret=hidden-7"}, []string{"Key", "URL"}},
		{"certificate without key", nil, append([]string{"-tls-cert=a.pem"}, credentials...), []string{"-tls-key is not"}},
		{"key without certificate", map[string]string{"ONAIR_TLS_KEY": "a.pem"}, credentials, []string{"-tls-cert is not"}},
		{"certificate that is not there", nil, append([]string{"-tls-cert=absent.pem", "-tls-key=absent.pem"}, credentials...), []string{"-tls-cert and -tls-key", "absent.pem"}},
		{"origin that is none", nil, append([]string{"-allowed-origins=app.example.com"}, credentials...), []string{`"app.example.com"`}},
		{"every origin and one", nil, append([]string{"-allowed-origins=*,https://app.example.com"}, credentials...), []string{"-allowed-origins", "either"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := run(t.Context(), tt.env, append([]string{"serve"}, tt.args...)...)
			assert.Equal(t, 2, got.code)
			assert.Empty(t, got.stdout)
			for _, want := range tt.want {
				assert.Contains(t, got.stderr, want)
			}
			assert.NotContains(t, got.stderr, "hidden-7")
		})
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	first := serve(t, nil)
	got := run(t.Context(), nil, "serve", "-addr", first.address)
	assert.Equal(t, 1, got.code)
	assert.Empty(t, got.stdout, "nothing is announced")
	assert.Contains(t, got.stderr, "-addr")
	require.Equal(t, 0, first.stop().code)
}
