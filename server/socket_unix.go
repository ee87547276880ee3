//go:build unix

package server

import (
	"net"
	"syscall"
)

// rawConn returns the socket of a connection that may be read and written
// behind the connection's back, which only TCP and Unix sockets may. A wrapper
// around one may change the bytes.
func rawConn(nc net.Conn) syscall.RawConn {
	var raw syscall.RawConn
	var err error
	switch nc := nc.(type) {
	case *net.TCPConn:
		raw, err = nc.SyscallConn()
	case *net.UnixConn:
		raw, err = nc.SyscallConn()
	}
	if err != nil {
		return nil
	}
	return raw
}

// writeSocket writes what the socket accepts without waiting.
func writeSocket(fd int, b []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, b)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, err
		}
	}
}

// readSocket reads what the socket has without waiting. again is true if it has
// nothing yet. At the end of the stream n is 0.
func readSocket(fd uintptr, b []byte) (n int, again bool, err error) {
	for {
		n, err := syscall.Read(int(fd), b)
		switch err {
		case nil:
			return n, false, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, true, nil
		default:
			return 0, false, err
		}
	}
}

// shutSocket ends both directions without waiting for the peer.
func shutSocket(fd int) { _ = syscall.Shutdown(fd, syscall.SHUT_RDWR) } // fails if the peer has done so
