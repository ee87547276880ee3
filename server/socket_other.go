//go:build !unix

package server

import (
	"errors"
	"net"
	"syscall"
)

// rawConn returns nil: on this system sockets are not used directly.
func rawConn(net.Conn) syscall.RawConn { return nil }

func writeSocket(int, []byte) (int, error) { return 0, errors.ErrUnsupported }

func readSocket(uintptr, []byte) (int, bool, error) { return 0, false, errors.ErrUnsupported }

func shutSocket(int) {}
