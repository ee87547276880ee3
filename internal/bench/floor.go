//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed floor/floor.c
var floorSource string

// buildFloor compiles the floor into dir and returns the path of the program.
func buildFloor(ctx context.Context, dir string) (string, error) {
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "cc"
	}
	program := filepath.Join(dir, "floor")
	cmd := exec.CommandContext(ctx, compiler, "-O2", "-Wall", "-x", "c", "-o", program, "-")
	cmd.Stdin = strings.NewReader(floorSource)
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("no C compiler %q, which the floor needs; install gcc, or name one in CC", compiler)
	case err != nil:
		return "", fmt.Errorf("compile the floor: %w\n%s", err, out)
	}
	return program, nil
}
