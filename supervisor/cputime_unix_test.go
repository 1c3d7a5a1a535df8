//go:build unix

package supervisor

import (
	"syscall"
	"time"
)

// cpuTime returns the processor time that the process has used, that of the kernel included. On a shared machine it says more than
// the time of day.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it cannot fail for RUSAGE_SELF
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
