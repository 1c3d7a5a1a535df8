package bench

import (
	"context"
	"fmt"
)

// shape is how many idle streams there are, and on how many connections.
type shape struct {
	Streams int `json:"streams"`
	Conns   int `json:"connections"`
}

func (s shape) String() string { return fmt.Sprintf("%d/%d", s.Streams, s.Conns) }

// idleFigures are what an idle stream costs a server, in bytes.
type idleFigures struct {
	Resident float64 `json:"rss_bytes_per_stream"`
	Heap     float64 `json:"heap_bytes_per_stream"`
	Stacks   float64 `json:"stack_bytes_per_stream"`
}

// runIdle opens streams on which nothing happens, and compares the memory of the server with what it was before. A first stream before that pays for what
// a server makes once.
func (b *bench) runIdle(ctx context.Context, s shape) (*idleFigures, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 4*startPatience, fmt.Errorf("it took too long"))
	defer cancel()
	var ready serverReady
	server, err := b.start(ctx, serverRole, &serverPlan{
		Variant: taskvisorVariant, EventBuffer: b.EventBuffer, Streams: s.Streams + 1, Window: b.EventBuffer, Of: 1, Processes: 1,
	}, &ready)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var reports [2]serverReport
	for i, opened := range []shape{{1, 1}, s} {
		watchers, err := b.start(ctx, watcherRole, &watcherPlan{Server: ready, Streams: opened.Streams, Conns: opened.Conns, Of: 1}, nil)
		if err != nil {
			return nil, err
		}
		defer watchers.stop()
		if err := server.ask(doCollect, &reports[i]); err != nil {
			return nil, err
		}
	}
	before, after := &reports[0].Usage, &reports[1].Usage
	perStream := func(from, to uint64) float64 { return (float64(to) - float64(from)) / float64(s.Streams) }
	return &idleFigures{
		Resident: perStream(before.RSS, after.RSS), Heap: perStream(before.Heap, after.Heap), Stacks: perStream(before.Stacks, after.Stacks),
	}, nil
}

// spareFiles is how many files a process has open beside its connections, at most.
const spareFiles = 50

// checkFiles says in time what would otherwise come as an error out of the middle of gRPC.
func checkFiles(conns int) error {
	limit, need := openFiles(), uint64(conns+spareFiles)
	if limit == 0 || need <= limit {
		return nil
	}
	return &usageError{fmt.Sprintf("%d connections need %d open files in each process, and %d are allowed; raise the limit with ulimit -n, "+
		"or ask for fewer connections", conns, need, limit)}
}
