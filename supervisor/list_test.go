package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// titles are the names of snapshots, with the states of those that are not running.
func titles(snaps []Snapshot) string {
	var out []string
	for _, s := range snaps {
		title := s.Spec.Name
		if s.State != StateRunning {
			title += ":" + s.State.String()
		}
		out = append(out, title)
	}
	return strings.Join(out, " ")
}

func TestList(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		for _, name := range []string{"c", "a", "d", "b"} {
			r.addBody(name, hangs())
		}
		first := r.end(ByUID(r.addBody("done", succeeds(0)).UID))
		second := r.end(ByUID(r.addBody("done", succeeds(0)).UID))
		live := r.addBody("done", hangs())
		synctest.Wait()
		only := func(name string) func(*Snapshot) bool {
			return func(s *Snapshot) bool { return s.Spec.Name == name }
		}
		for _, c := range []struct {
			opts ListOptions
			want string
		}{
			{ListOptions{}, "a b c d done"},
			{ListOptions{Limit: 2}, "a b"},
			{ListOptions{Limit: 9, AfterName: "b"}, "b c d done"}, // with the zero UID, "b" itself is after it
			{ListOptions{Limit: 1, Match: only("c")}, "c"},
			{ListOptions{Match: only("x")}, ""},
			{ListOptions{Finished: true, AfterName: "d"}, "d done:FINISHED done:FINISHED done"},
			{ListOptions{Finished: true, AfterName: "done", AfterUID: first.UID}, "done:FINISHED done"},
			{ListOptions{Finished: true, AfterName: "done", AfterUID: second.UID}, "done"},
			{ListOptions{Finished: true, Limit: -1, Match: only("done")}, "done:FINISHED done:FINISHED done"},
			{ListOptions{UIDs: []UID{live.UID, first.UID, {1}, live.UID}}, "done"},
			{ListOptions{UIDs: []UID{live.UID, first.UID, {1}, live.UID}, Finished: true}, "done:FINISHED done"},
			{ListOptions{UIDs: []UID{second.UID, first.UID}, Finished: true, Limit: 1, AfterName: "done", AfterUID: first.UID}, "done:FINISHED"},
			{ListOptions{UIDs: []UID{live.UID}, Match: only("a")}, ""},
			{ListOptions{UIDs: []UID{live.UID, first.UID}, Names: []string{"a"}, Finished: true}, ""},
			{ListOptions{Names: []string{"d", "b", "x", "b", "done"}}, "b d done"},
			{ListOptions{Names: []string{"done", "a"}, Finished: true}, "a done:FINISHED done:FINISHED done"},
			{ListOptions{Names: []string{"b", "done"}, AfterName: "c", Limit: 1}, "done"},
		} {
			if got := titles(r.List(c.opts)); got != c.want {
				t.Errorf("%+v: %q, want %q", c.opts, got, c.want)
			}
		}
	})
}

// A task that finishes while List is at work is not listed among the live ones.
func TestListDuringTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		c := newCrowd()
		c.add(4, func(i int) {
			for range 50 {
				r.end(ByUID(r.addBody(fmt.Sprint("t", i), succeeds(0)).UID))
			}
		})
		c.add(2, func(int) {
			for range 50 {
				live := r.List(ListOptions{})
				all := r.List(ListOptions{Finished: true})
				for _, snaps := range [][]Snapshot{live, all} {
					if !slices.IsSortedFunc(snaps, func(a, b Snapshot) int {
						return strings.Compare(a.Spec.Name+a.UID.String(), b.Spec.Name+b.UID.String())
					}) {
						t.Errorf("not sorted: %s", titles(snaps))
					}
				}
				if slices.ContainsFunc(live, func(s Snapshot) bool { return s.State == StateFinished }) {
					t.Errorf("live: %s", titles(live))
				}
			}
		})
		c.run()
	})
}

// Snapshots tell each stage of a life.
func TestSnapshots(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		snap := r.addBody("t", fails(time.Second, "one"), ends(time.Second, returns(ExitCode(problem("two"), 2))), succeeds(time.Second))
		if snap.State != StateWaiting || snap.Sequence != 2 || !snap.CreateTime.Equal(r.began) || snap.Attempt != 0 {
			t.Errorf("as added: %+v", snap)
		}
		for _, c := range []struct {
			at       time.Duration
			state    State
			attempt  uint64
			streak   uint32
			started  time.Duration
			next     time.Duration // -1: none
			reason   string
			sequence uint64
		}{
			{500 * ms, StateRunning, 1, 0, 0, -1, "", 3},
			{1500 * ms, StateBackoff, 1, 1, 0, 2 * time.Second, "one", 5},
			{2500 * ms, StateRunning, 2, 1, 2 * time.Second, -1, "one", 6},
			{3500 * ms, StateBackoff, 2, 2, 2 * time.Second, 5 * time.Second, "two", 8},
			{5500 * ms, StateRunning, 3, 2, 5 * time.Second, -1, "two", 9},
			{6500 * ms, StateFinished, 3, 0, 5 * time.Second, -1, "two", 12},
		} {
			r.sleepUntil(c.at)
			got := r.mustState(ByUID(snap.UID), c.state)
			next := time.Duration(-1)
			if !got.NextAttempt.IsZero() {
				next = got.NextAttempt.Sub(r.began)
			}
			reason := ""
			if got.LastError != nil {
				reason = got.LastError.Reason
			}
			if got.Attempt != c.attempt || got.FailureStreak != c.streak || got.StartTime.Sub(r.began) != c.started || next != c.next ||
				reason != c.reason || got.Sequence != c.sequence || got.Sequence != r.Cursor().Sequence {
				t.Errorf("at %s: %+v, last error %q, next %s", c.at, got, reason, next)
			}
			if c.state == StateFinished != !got.FinishTime.IsZero() || c.state == StateFinished != (got.Outcome == OutcomeCompleted) {
				t.Errorf("at %s: finish time %s, outcome %s", c.at, got.FinishTime, got.Outcome)
			}
		}
	})
}

func TestRefsThatFindNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, Config{})
		done, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := r.Add(done, Once("t", plays(hangs()))); !errors.Is(err, context.Canceled) {
			t.Errorf("Add: %v", err)
		}
		for _, ref := range []Ref{{}, ByName(""), ByName("x"), ByUID(UID{}), ByUID(newUID())} {
			_, get := r.Get(ref)
			_, wait := r.Wait(context.Background(), ref)
			_, remove := r.Remove(context.Background(), ref, 0)
			for _, err := range []error{get, wait, remove} {
				if !errors.Is(err, ErrTaskNotFound) {
					t.Errorf("%+v: %v", ref, err)
				}
			}
		}
		snap := r.addBody("t", hangs())
		late, cancelLate := context.WithTimeout(context.Background(), time.Second)
		defer cancelLate()
		if got, err := r.Wait(late, ByUID(snap.UID)); !errors.Is(err, context.DeadlineExceeded) || got.State != StateRunning {
			t.Errorf("Wait: %s, %v", got.State, err)
		}
	})
}

func TestReadFromACursor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s, err := New(Config{EventBuffer: 8}) // too small for a rig
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
		if c := s.OldestCursor(); c != s.Cursor() || c.Sequence != 0 {
			t.Errorf("oldest cursor %+v of an empty log", c)
		}
		slow, err := s.Read(s.Cursor())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			snap, err := s.Add(context.Background(), Once(fmt.Sprint("t", i), plays(succeeds(0))))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Wait(context.Background(), ByUID(snap.UID)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		here := s.Cursor()
		if here.Sequence != 30 || s.OldestCursor().Sequence != 22 {
			t.Fatalf("cursors %d, %d", here.Sequence, s.OldestCursor().Sequence)
		}
		for _, c := range []struct {
			cursor Cursor
			want   string // in the error
		}{
			{here, ""},
			{s.OldestCursor(), ""},
			{Cursor{here.Epoch, 21}, "events after sequence 21 are gone, the oldest kept is 23"},
			{Cursor{here.Epoch, 0}, "events after sequence 0 are gone"},
			{Cursor{here.Epoch, 31}, "sequence 31 has not happened yet, the latest is 30"},
			{Cursor{here.Epoch, 1<<64 - 1}, "has not happened yet"},
			{Cursor{"other", 30}, `epoch "other" is not that of this event log`},
		} {
			_, err := s.Read(c.cursor)
			var expired *CursorError
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%+v: %v", c.cursor, err)
			case c.want != "" && (!errors.Is(err, ErrCursorExpired) || !errors.As(err, &expired) || !strings.Contains(err.Error(), c.want) || expired.Oldest != 23):
				t.Errorf("%+v: %v", c.cursor, err)
			}
		}
		n, gap, err := slow.Next(context.Background(), make([]Event, 100))
		if n != 8 || gap != (Gap{First: 1, Last: 22}) || gap.Count() != 22 || err != nil || slow.Cursor() != here {
			t.Errorf("a slow reader got %d, lost %v, %v", n, gap, err)
		}
		slow.Close()
		if _, _, err := slow.Next(context.Background(), make([]Event, 1)); !errors.Is(err, ErrClosed) {
			t.Errorf("a closed reader: %v", err)
		}
	})
}
