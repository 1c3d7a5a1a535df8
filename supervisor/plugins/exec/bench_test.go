//go:build unix

package exec_test

import (
	osexec "os/exec"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
)

// BenchmarkCommand runs a command that does nothing. The peer is os/exec with pipes for the output, the least that an attempt can cost.
func BenchmarkCommand(b *testing.B) {
	b.Run("os-exec", func(b *testing.B) {
		for b.Loop() {
			if _, err := osexec.Command("true").CombinedOutput(); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, guard := range map[string]*exec.Guard{"attempt": nil, "guarded attempt": exec.NewGuard()} {
		b.Run(name, func(b *testing.B) {
			defer guard.Close()
			body, err := buildGuarded(guard, map[string]any{"command": []string{"true"}})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := body.Run(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
