//go:build !unix

package exec

import (
	"errors"
	"os"
)

func readNow(*os.File, []byte) (int, error) { return 0, errors.ErrUnsupported }
