package server_test

import (
	"syscall"
	"time"
)

// cpuTime returns the processor time that the process has used, that of the kernel included. On a shared machine it says more than
// the time of day.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it cannot fail for this process
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
