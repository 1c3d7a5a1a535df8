package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The faults of the original, DESIGN §4: each must not come back.

func (r *rig) mustBeEmpty() {
	r.t.Helper()
	if live := r.List(ListOptions{}); len(live) != 0 || len(r.byName) != 0 {
		r.t.Errorf("%d tasks are listed, %d names taken", len(live), len(r.byName))
	}
}

func TestFaultPanickingOrSelfCanceledTaskLeaksItsEntry(t *testing.T) {
	for name, s := range map[string]step{
		"panic": panics(0, "boom"), "Goexit": exits(0), "self-cancel": ends(0, returns(context.Canceled)),
		"panic while canceled": {work: forever, late: panics(0, "late").end},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, Config{})
				for range 3 {
					snap := r.add(Once("t", plays(s)))
					synctest.Wait()
					if s.work == forever {
						_, _ = r.Remove(context.Background(), ByName("t"), 0)
					}
					r.end(ByUID(snap.UID))
					r.mustBeEmpty()
				}
			})
		})
	}
}

func TestFaultGraceIsNotEnforced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{Grace: 3 * time.Second})
		r.addBody("t", hangs().ignoring(time.Hour, nil))
		r.addBody("u", hangs().ignoring(time.Hour, nil))
		synctest.Wait()
		if _, err := r.Remove(context.Background(), ByName("t"), 0); !errors.Is(err, ErrTaskStuck) || time.Since(r.began) != 3*time.Second {
			t.Errorf("Remove: %v after %s", err, time.Since(r.began))
		}
		if err := r.Shutdown(context.Background()); !errors.Is(err, ErrTaskStuck) || time.Since(r.began) != 6*time.Second {
			t.Errorf("Shutdown: %v after %s", err, time.Since(r.began))
		}
		time.Sleep(time.Hour)
	})
}

func TestFaultOneStuckTaskBlocksEveryCommand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		stuck := r.addBody("stuck", hangs().ignoring(time.Hour, nil))
		other := r.addBody("other", hangs())
		synctest.Wait()
		var removal sync.WaitGroup
		removal.Go(func() { _, _ = r.Remove(context.Background(), ByName("stuck"), 30*time.Minute) })
		synctest.Wait()
		r.add(Once("new", plays(succeeds(0))))
		if got := len(r.List(ListOptions{Finished: true})); got != 3 {
			t.Errorf("%d tasks are listed", got)
		}
		r.mustState(ByUID(stuck.UID), StateStopping)
		if _, err := r.Remove(context.Background(), ByUID(other.UID), 0); err != nil {
			t.Error(err)
		}
		if waited := time.Since(r.began); waited != 0 {
			t.Errorf("commands took %s", waited)
		}
		removal.Wait()
		r.end(ByUID(stuck.UID))
	})
}

func TestFaultDuplicateIsReportedAsSuccess(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		first := r.addBody("t", hangs())
		synctest.Wait()
		before := r.mustState(ByUID(first.UID), StateRunning)
		_, err := r.Add(context.Background(), Once("t", plays(succeeds(0))))
		var taken *TaskError
		if !errors.Is(err, ErrTaskExists) || !errors.As(err, &taken) || taken.UID != first.UID {
			t.Errorf("Add: %v", err)
		}
		if after := r.mustState(ByUID(first.UID), StateRunning); after.Sequence != before.Sequence {
			t.Errorf("the first task was touched:\n%s", r.log())
		}
	})
}

func TestFaultRemoveThenAddLosesTheNewTask(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		for range 50 {
			old := r.addBody("t", hangs())
			if _, err := r.Remove(context.Background(), ByName("t"), 0); err != nil {
				t.Fatal(err)
			}
			again := r.addBody("t", hangs())
			_, _ = r.Remove(context.Background(), ByUID(old.UID), 0) // a late removal of the old life
			synctest.Wait()
			if snap := r.mustState(ByName("t"), StateRunning); snap.UID != again.UID || again.UID == old.UID {
				t.Fatalf("the name has %s, not %s", snap.UID, again.UID)
			}
			if _, err := r.Remove(context.Background(), ByUID(again.UID), 0); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestFaultEventsAreOutOfSequence(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{Backoff: BackoffPolicy{First: None}})
		const readers = 5
		var logs [readers][]uint64
		var reading sync.WaitGroup
		for i := range readers {
			reader, err := r.Read(r.OldestCursor())
			if err != nil {
				t.Fatal(err)
			}
			reading.Go(func() {
				buf := make([]Event, 1+7*i)
				for {
					n, gap, err := reader.Next(context.Background(), buf)
					if err != nil {
						return
					}
					if !gap.IsZero() {
						t.Errorf("gap %v", gap)
					}
					for _, e := range buf[:n] {
						logs[i] = append(logs[i], e.Sequence)
					}
				}
			})
		}
		c := newCrowd()
		c.add(20, func(i int) {
			for j := range 10 {
				r.end(ByUID(r.addBody(fmt.Sprintf("t%d.%d", i, j), fails(0, "one"), succeeds(0)).UID))
			}
		})
		c.run()
		_ = r.Shutdown(context.Background())
		reading.Wait()
		for _, log := range logs {
			if len(log) != int(r.Cursor().Sequence) || !slices.IsSorted(log) || log[0] != 1 {
				t.Errorf("a reader got %d of %d events", len(log), r.Cursor().Sequence)
			}
		}
	})
}

func TestFaultTheTailOfAShutdownIsNeverDelivered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		for i := range 100 {
			r.addBody(fmt.Sprint("t", i), hangs())
		}
		reader, err := r.Read(r.Cursor())
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
		removed, last := 0, Event{}
		for buf := make([]Event, 7); ; {
			n, gap, err := reader.Next(context.Background(), buf)
			if err != nil {
				if !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				break
			}
			if !gap.IsZero() {
				t.Errorf("gap %v", gap)
			}
			for _, last = range buf[:n] {
				if last.Kind == TaskRemoved {
					removed++
				}
			}
		}
		if removed != 100 || last.Kind != AllStoppedWithinGrace || reader.Cursor() != r.Cursor() {
			t.Errorf("%d ends, the last event is %s", removed, last.Kind)
		}
	})
}

func TestFaultABurstOfShortTasksLeavesEntriesBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{RetainedTasks: 10, EventBuffer: 1 << 17, MaxConcurrent: 50})
		c := newCrowd()
		c.add(4, func(i int) {
			for j := range 1000 {
				r.add(Once(fmt.Sprintf("t%d.%d", i, j), plays(succeeds(0))))
			}
		})
		c.run()
		synctest.Wait()
		r.mustBeEmpty()
		if len(r.byUID) != 10 || len(r.retained.tasks) != 10 || cap(r.retained.tasks) > 40 {
			t.Errorf("%d lives are known, %d kept, room for %d", len(r.byUID), len(r.retained.tasks), cap(r.retained.tasks))
		}
	})
}
