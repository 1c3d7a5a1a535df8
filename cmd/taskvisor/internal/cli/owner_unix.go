//go:build unix

package cli

import (
	"fmt"
	"io/fs"
	"syscall"
)

// ownerID tells the user that a file belongs to.
func ownerID(info fs.FileInfo) string {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf(", of user %d", stat.Uid)
	}
	return ""
}
