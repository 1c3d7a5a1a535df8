//go:build !race

package server

// raceEnabled says that pools are those of the race detector, which forget some of what they are given, at random.
const raceEnabled = false
