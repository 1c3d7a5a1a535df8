package server

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

const (
	// ledgerSize is how many events a ledger holds. The publisher takes care that nobody asks for one that is gone.
	ledgerSize = 1 << 20
	// ledgerSample is how many events there are for each that is kept as a whole.
	ledgerSample = 512
)

// ledger is what the log of the engine had, written by a reader in the process that has nothing in common with the streams: for each event what
// its bytes on the wire hash to, and which filters select it. (That the encoding is the right one is the business of another test; samples make sure
// that it is in place here.)
type ledger struct {
	filters []stormFilter // constant
	seed    maphash.Seed  // constant
	latest  atomic.Uint64 // sequence that was written last

	// Written before latest, by one goroutine; read after it.
	entries []ledgerEntry // of sequence n at n modulo the length
	samples []*pb.Event   // of sequence n at n/ledgerSample modulo the length
	buf     []byte
	uids    map[supervisor.UID]uint32 // indexes of tasks; 0 is that of no task

	mu    sync.Mutex // guards tasks
	tasks map[string]uint32
}

type ledgerEntry struct {
	hash    uint64
	task    uint32 // that shows the event in a snapshot: 0 for output, which none does
	filters uint32 // bit i: filter i selects the event
}

func newLedger() *ledger {
	return &ledger{
		seed: maphash.MakeSeed(), entries: make([]ledgerEntry, ledgerSize), samples: make([]*pb.Event, ledgerSize/ledgerSample),
		uids: map[supervisor.UID]uint32{{}: 0}, tasks: map[string]uint32{},
	}
}

func (l *ledger) write(e *supervisor.Event) {
	l.buf = appendEvent(l.buf[:0], e)
	_, _, tag := protowire.ConsumeTag(l.buf)
	bytes, _ := protowire.ConsumeBytes(l.buf[tag:])
	entry := ledgerEntry{hash: maphash.Bytes(l.seed, bytes), task: l.index(e.UID)}
	if e.Kind == supervisor.TaskOutput {
		entry.task = 0
	}
	for i := range l.filters {
		if l.filters[i].selects(e) {
			entry.filters |= 1 << i
		}
	}
	l.entries[e.Sequence%ledgerSize] = entry
	if e.Sequence%ledgerSample == 0 {
		l.samples[e.Sequence/ledgerSample%uint64(len(l.samples))] = eventToWire(e)
	}
	l.latest.Store(e.Sequence)
}

// index returns the index of a task.
func (l *ledger) index(uid supervisor.UID) uint32 {
	i, ok := l.uids[uid]
	if !ok {
		i = uint32(len(l.uids))
		l.uids[uid] = i
		l.mu.Lock()
		defer l.mu.Unlock()
		l.tasks[uid.String()] = i
	}
	return i
}

// indexOf returns the index of a task that a snapshot shows, all of whose events up to there are written.
func (l *ledger) indexOf(uid string) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tasks[uid]
}

func (l *ledger) entry(sequence uint64) *ledgerEntry { return &l.entries[sequence%ledgerSize] }

// differs reports whether an event as it came is other than that of the log.
func (l *ledger) differs(sequence uint64, bytes []byte) bool {
	return maphash.Bytes(l.seed, bytes) != l.entry(sequence).hash
}

// differsWhole is differs for an event of which there is a sample, decoded.
func (l *ledger) differsWhole(sequence uint64, bytes []byte) bool {
	var e pb.Event
	err := proto.Unmarshal(bytes, &e)
	return err != nil || !proto.Equal(&e, l.samples[sequence/ledgerSample%uint64(len(l.samples))])
}
