// Command taskvisor is the command line of Taskvisor.
package main

import (
	"github.com/taskvisor/taskvisor/cmd/taskvisor/internal/bench"
	"github.com/taskvisor/taskvisor/cmd/taskvisor/internal/cli"
)

func main() {
	cli.Main(bench.Command())
}
