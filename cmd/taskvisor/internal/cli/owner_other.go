//go:build !unix

package cli

import "io/fs"

// ownerID tells nothing: this system has no numbers for users.
func ownerID(fs.FileInfo) string { return "" }
