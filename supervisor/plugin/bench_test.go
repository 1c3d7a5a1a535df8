package plugin_test

import (
	"testing"

	"github.com/taskvisor/taskvisor/supervisor/plugins/sleep"
)

// BenchmarkBuild measures the way from a config as it comes in to a body, which is most of what AddTask costs besides gRPC.
func BenchmarkBuild(b *testing.B) {
	r := newRegistry(b, sleep.New())
	config := map[string]any{"duration": "1h", "then": "failure", "reason": "not today"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Build("sleep", config); err != nil {
			b.Fatal(err)
		}
	}
}
