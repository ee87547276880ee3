//go:build linux && (amd64 || arm64)

package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// processCPU returns the processor time used by all threads of a process.
func processCPU(pid int) (time.Duration, error) {
	const schedClock = 2 // which of a process's clocks to read
	var ts syscall.Timespec
	clock := uintptr(^pid)<<3 | schedClock
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		return 0, fmt.Errorf("clock of process %d: %w", pid, errno)
	}
	return time.Duration(ts.Nano()), nil
}

// processRSS returns how many bytes of memory a process holds.
func processRSS(pid int) (int64, error) {
	name := "/proc/" + strconv.Itoa(pid) + "/smaps_rollup"
	line, err := procLine(name, "Rss:")
	if err != nil {
		return 0, err
	}
	kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(line), " kB"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return kib << 10, nil
}

// machineCPU returns the processor time used on all processors.
func machineCPU() (time.Duration, error) {
	const tick = 10 * time.Millisecond
	stat, err := procLine("/proc/stat", "cpu ")
	if err != nil {
		return 0, err
	}
	var ticks int64
	for i, f := range strings.Fields(stat) {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if idle := i == 3 || i == 4; !idle && i < 7 { // steal is not work, and user already includes guests
			ticks += n
		}
	}
	return time.Duration(ticks) * tick, nil
}

// procLine returns what follows prefix on the first line of a file that begins
// with it.
func procLine(name, prefix string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return rest, nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return "", fmt.Errorf("%s has no line that begins with %q", name, prefix)
}
