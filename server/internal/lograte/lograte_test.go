package lograte_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskvisor/taskvisor/server/internal/lograte"
)

// Lines come at once up to the burst, then at the rate; each says how many were left out before it.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := lograte.NewGate(1, 3)
		lines := func(n int) (said []string) {
			for range n {
				if left, ok := g.Pass(); ok {
					said = append(said, fmt.Sprint(left))
				}
			}
			return said
		}
		for _, test := range []struct {
			wait  time.Duration
			lines int
			want  string
		}{
			{0, 5, "[0 0 0]"}, {time.Second / 2, 1, "[]"}, {time.Second / 2, 2, "[3]"}, {10 * time.Second, 5, "[1 0 0]"},
		} {
			time.Sleep(test.wait)
			if got := fmt.Sprint(lines(test.lines)); got != test.want {
				t.Errorf("after %s: %s, want %s", test.wait, got, test.want)
			}
		}
	})
}

func ExampleGate() {
	gate := lograte.NewGate(1, 2)
	for line := range 5 {
		if left, ok := gate.Pass(); ok {
			fmt.Println("line", line, "left out:", left)
		}
	}
	// Output:
	// line 0 left out: 0
	// line 1 left out: 0
}
