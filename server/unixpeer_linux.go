package server

import (
	"net"

	"golang.org/x/sys/unix"
)

// socketUser returns the effective user of who connected, at the time of that. (unix(7), SO_PEERCRED.)
func socketUser(conn *net.UnixConn) (uid uint32, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	switch {
	case err != nil:
		return 0, err
	case failed != nil:
		return 0, failed
	default:
		return cred.Uid, nil
	}
}
