package client

import (
	"testing"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

func TestListedKeepsNoMoreThanItHasTo(t *testing.T) {
	var l listed
	for uid, sequence := range map[string]uint64{"old": 3, "new": 9} {
		l.add(&pb.Task{Uid: uid, Sequence: sequence})
	}
	if l.settle(5); len(l.sequences) != 1 || l.sequences["new"] != 9 {
		t.Errorf("after 5: %v", l)
	}
	for _, tt := range []struct {
		uid      string
		sequence uint64
		want     bool
	}{{"old", 6, false}, {"", 7, false}, {"new", 8, true}, {"new", 9, true}} {
		if got := l.has(&pb.Event{Uid: tt.uid, Sequence: tt.sequence}); got != tt.want {
			t.Errorf("event %d of %q: %t", tt.sequence, tt.uid, got)
		}
	}
	if l.has(&pb.Event{Uid: "new", Sequence: 10}) || l.sequences != nil {
		t.Errorf("after the last: %v", l)
	}
	l.add(&pb.Task{Uid: "old", Sequence: 3})
	if l.settle(3); l.sequences != nil {
		t.Errorf("all is settled: %v", l)
	}
}
