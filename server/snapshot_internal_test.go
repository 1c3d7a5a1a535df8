package server

import (
	"testing"

	"github.com/taskvisor/taskvisor/supervisor"
)

// An event is part of the snapshot up to the sequence that its task had when it was listed, which differs from task to task.
func TestListed(t *testing.T) {
	changed, late, quiet, other := supervisor.UID{1}, supervisor.UID{2}, supervisor.UID{3}, supervisor.UID{4}
	var l listed
	for uid, sequence := range map[supervisor.UID]uint64{changed: 10, late: 20, quiet: 5} {
		l.add(&supervisor.Snapshot{UID: uid, Sequence: sequence}, supervisor.Cursor{Sequence: 5})
	}
	for _, test := range []struct {
		uid      supervisor.UID
		sequence uint64
		want     bool
	}{
		{changed, 6, true}, {late, 7, true}, {other, 8, false}, {supervisor.UID{}, 9, false}, {changed, 10, true}, {changed, 11, false},
		{quiet, 12, false}, {late, 20, true}, {late, 21, false}, {changed, 22, false},
	} {
		if got := l.has(test.uid, test.sequence); got != test.want {
			t.Errorf("event %d of %v: %t", test.sequence, test.uid[0], got)
		}
	}
	if l.sequences != nil {
		t.Error("it is kept for good")
	}
}
