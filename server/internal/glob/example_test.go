package glob_test

import (
	"fmt"

	"github.com/taskvisor/taskvisor/server/internal/glob"
)

func Example() {
	g, err := glob.Compile("web/*-[0-9]")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"web/worker-7", "web/worker-x", "web/eu/worker-7"} {
		fmt.Println(name, g.Match(name))
	}
	// Output:
	// web/worker-7 true
	// web/worker-x false
	// web/eu/worker-7 false
}
