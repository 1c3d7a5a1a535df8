//go:build !unix

package exec

import (
	"errors"
	"syscall"
)

func sessionLeader() *syscall.SysProcAttr { return nil }

func guardianProgram() (string, error) { return "", errors.ErrUnsupported }

func guardianID() (id string, ok bool) { return "", false }

func guardianMain(string) {}
