package supervisor

import (
	"syscall"
	"time"
)

// cpuTime returns the processor time that the process has used, that of the kernel included. On a shared machine it says more than
// the time of day.
func cpuTime() time.Duration { return usage(syscall.RUSAGE_SELF) }

// threadTime is cpuTime for the calling thread alone.
func threadTime() time.Duration { return usage(1) } // RUSAGE_THREAD, which package syscall leaves out

func usage(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		panic(err) // it cannot fail for these
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
