//go:build !unix

package file

import "errors"

// kill sends no signal: there are none.
func kill(int, string) error { return errors.New("this system has no signals; use then.http") }
