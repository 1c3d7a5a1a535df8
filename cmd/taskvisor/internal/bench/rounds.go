package bench

import "sync/atomic"

// roundSlots is how many rounds may be under way at once: more than roundsPerWindow and the one that begins, see throttle.
const roundSlots = 4 * roundsPerWindow

// rounds finds out how far the slowest of many streams has come, without looking at all of them all the time: a round is over when each stream has
// received so many events. That costs a stream one addition for each round, whatever the number of streams.
type rounds struct {
	streams int64
	size    uint64              // events of a round
	over    func(events uint64) // called by the last stream that comes to the end of a round

	// arrived is how many streams have come to the end of each round. A slot is used again roundSlots later. By then its round has long been over:
	// the publisher does not go on before.
	arrived [roundSlots]atomic.Int64
}

// pass says that a stream that had received so many events has so many now. Each stream does this from one goroutine.
func (r *rounds) pass(before, now uint64) {
	for round := before/r.size + 1; round <= now/r.size; round++ {
		slot := &r.arrived[round%roundSlots]
		if slot.Add(1) == r.streams {
			slot.Store(0)
			r.over(round * r.size)
		}
	}
}
