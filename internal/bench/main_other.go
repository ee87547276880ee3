//go:build !linux || !(amd64 || arm64)

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: this benchmark reads clocks and sockets as only Linux on amd64 and arm64 has them; run it there")
	os.Exit(2)
}
