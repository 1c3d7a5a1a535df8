//go:build !race

package supervisor

// raceEnabled says that times and allocations are those of the race detector.
const raceEnabled = false
