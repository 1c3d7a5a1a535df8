//go:build !linux

package server

import (
	"errors"
	"net"
)

// socketUser: each system asks in a way of its own, and none but Linux is tested.
func socketUser(*net.UnixConn) (uid uint32, err error) { return 0, errors.ErrUnsupported }
