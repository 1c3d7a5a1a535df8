package bench

import (
	"runtime"
	"testing"
)

func TestUsageGrows(t *testing.T) {
	before := usageNow()
	kept := make([][]byte, 1000)
	for i := range kept {
		kept[i] = make([]byte, 1000)
	}
	after := usageNow()
	runtime.KeepAlive(kept)
	allocs, bytes := after.Allocs-before.Allocs, after.Bytes-before.Bytes
	if allocs < 900 || bytes < 900*1000 { // the runtime is not exact to the last object
		t.Errorf("%d allocations of %d bytes", allocs, bytes)
	}
	if after.At < before.At || after.Heap == 0 || after.Stacks == 0 {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if runtime.GOOS != "linux" {
		return
	}
	if after.RSS < 1<<20 || openFiles() == 0 {
		t.Errorf("%+v, %d files", after, openFiles())
	}
	for from := cpuTime(); cpuTime() == from; { // until the clock of the system has moved
		runtime.Gosched()
	}
}
