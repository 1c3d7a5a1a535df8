package bench

import (
	"runtime/metrics"
	"time"
)

// usage is what a process has used since it began, and what it holds now. 0 stands for what the system does not tell.
type usage struct {
	At     int64         // nanoseconds since 1970
	CPU    time.Duration // of all threads, the kernel's work for them included
	Allocs uint64
	Bytes  uint64 // allocated
	RSS    uint64
	Heap   uint64 // in use by objects, dead ones that were not swept included
	Stacks uint64
}

func usageNow() usage {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/tiny/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"},
	}
	metrics.Read(samples) // unlike runtime.ReadMemStats, without stopping the world
	value := func(i int) uint64 { return samples[i].Value.Uint64() }
	return usage{
		At: time.Now().UnixNano(), CPU: cpuTime(), RSS: residentSize(),
		Allocs: value(0) + value(1), Bytes: value(2), Heap: value(3), Stacks: value(4),
	}
}
