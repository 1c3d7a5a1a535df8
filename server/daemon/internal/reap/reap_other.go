//go:build !linux

package reap

import (
	"context"
	"log/slog"
)

// Adopts reports whether orphans become children of this process. There are containers on Linux only.
func Adopts() bool { return false }

// Orphans has nothing to do.
func Orphans(context.Context, *slog.Logger) error { return nil }
