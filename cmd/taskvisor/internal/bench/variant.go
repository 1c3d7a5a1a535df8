package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"
)

// Names of variants.
const (
	taskvisorVariant = "taskvisor"
	blastVariant     = "blast"
	naiveVariant     = "naive"
	bareVariant      = "bare"
)

// variant is a server that is measured. All variants implement WatchEvents of taskvisor.v1.SupervisorService, so the watchers are the same.
type variant struct {
	server *grpc.Server
	// publish makes the next event; one goroutine calls it. Nil: the server sends from the start on, as much as it can.
	publish func()
	// published returns how many events there have been.
	published func() uint64
	// counters returns what else the server counts. All of them only grow; each is printed by its name, divided by the events published.
	counters func() map[string]uint64
}

// makeVariant makes a server. It may begin to send once started is closed, and what it has running ends with ctx.
func makeVariant(ctx context.Context, plan *serverPlan, started <-chan struct{}) (*variant, error) {
	switch plan.Variant {
	case taskvisorVariant:
		return newTaskvisor(ctx, plan)
	case blastVariant:
		return newBlast(started)
	case naiveVariant:
		return newNaive(plan), nil
	case bareVariant:
		return newBare(), nil
	default:
		return nil, fmt.Errorf("there is no variant %q", plan.Variant)
	}
}

// noCounters is for servers that count nothing else.
func noCounters() map[string]uint64 { return nil }

// eventLine is what the events of all variants say. It brings an encoded event to about 120 bytes.
var eventLine = strings.Repeat("0123456789abcdef", 3)

// taskNames are the tasks that events are about, one after the other; a filter for the first keeps half of them.
var taskNames = [...]string{"even", "odd"}

// wanted returns for each task whether a filter of names selects it.
func wanted(names []string) (wanted [len(taskNames)]bool) {
	for i, name := range taskNames {
		wanted[i] = len(names) == 0 || slices.Contains(names, name)
	}
	return wanted
}
