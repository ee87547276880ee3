//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: this benchmark reads clocks and sockets as only Linux has them; run it there")
	os.Exit(2)
}
