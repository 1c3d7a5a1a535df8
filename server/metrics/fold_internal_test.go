package metrics

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/taskvisor/taskvisor/supervisor"
)

func newTestFold(t *testing.T) *fold {
	t.Helper()
	sup, err := supervisor.New(supervisor.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return newFold(sup)
}

// When events are lost, the end of a life may be among them: nothing of such a life is kept for ever.
func TestTimeoutsAreForgotten(t *testing.T) {
	f := newTestFold(t)
	for i := range 3 {
		f.OnEvent(supervisor.Event{Kind: supervisor.TimeoutHit, UID: supervisor.UID{byte(i)}})
	}
	f.OnEvent(supervisor.Event{Kind: supervisor.TaskRemoved, UID: supervisor.UID{0}, Outcome: supervisor.OutcomeFailed})
	f.OnEvent(supervisor.Event{Kind: supervisor.BackoffScheduled, UID: supervisor.UID{1}, Source: supervisor.BackoffAfterFailure})
	f.OnEvent(supervisor.Event{Kind: supervisor.SubscriberOverflow, Subscriber: "log", Lost: 5})
	if len(f.hit) != 1 {
		t.Errorf("%d lives are kept, want 1", len(f.hit))
	}
	f.OnEvent(supervisor.Event{Kind: supervisor.SubscriberOverflow, Subscriber: subscriberName, Lost: 7})
	if len(f.hit) != 0 {
		t.Errorf("%d lives are kept", len(f.hit))
	}
	if n := testutil.ToFloat64(f.lost.vector.WithLabelValues(subscriberName)); n != 7 {
		t.Errorf("%v events are counted as lost", n)
	}
}

// "The number of series is bounded": any number of subscribers come and go.
func TestSubscribersAreBounded(t *testing.T) {
	f := newTestFold(t)
	for i := range 2 * maxSubscribers {
		f.OnEvent(supervisor.Event{Kind: supervisor.SubscriberPanicked, Subscriber: fmt.Sprint("s", i)})
		f.OnEvent(supervisor.Event{Kind: supervisor.SubscriberPanicked, Subscriber: "s0"})
	}
	if n := testutil.CollectAndCount(f.panics.vector); n != maxSubscribers+2 { // and "metrics" and "other"
		t.Errorf("%d series", n)
	}
	for name, want := range map[string]float64{"s0": 2*maxSubscribers + 1, otherSubscribers: maxSubscribers} {
		if n := testutil.ToFloat64(f.panics.vector.WithLabelValues(name)); n != want {
			t.Errorf("%v panics of %s, want %v", n, name, want)
		}
	}
}
