//go:build !unix

package server

import (
	"errors"
	"net"
	"syscall"
)

// rawConn returns nil: here connections are read and written as any.
func rawConn(net.Conn) syscall.RawConn { return nil }

func writeSocket(int, []byte) (int, error) { return 0, errors.ErrUnsupported }

func readSocket(uintptr, []byte) (int, bool, error) { return 0, false, errors.ErrUnsupported }

func shutSocket(int) {}
