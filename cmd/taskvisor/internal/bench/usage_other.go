//go:build !unix

package bench

import "time"

// cpuTime returns 0: the system does not tell in the same way.
func cpuTime() time.Duration { return 0 }

func residentSize() uint64 { return 0 }

func openFiles() uint64 { return 0 }
