package supervisor

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
)

// A goroutine that waits for a mutex keeps synctest.Wait from returning: so no actor waits.
func TestNoActorWaitsToEndWhileSomebodyHoldsTheRegistry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const tasks = 100
		s := newBench(t, Config{MaxConcurrent: tasks})
		end := make(chan struct{})
		for i := range tasks {
			spec := Once(fmt.Sprint(i), TaskFunc(func(context.Context) error { <-end; return nil }))
			if _, err := s.Add(t.Context(), spec); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		before := s.log.Last()

		s.mu.Lock()
		close(end)
		synctest.Wait()
		if got := s.log.Last(); got != before || len(s.byName) != tasks || s.permits.TryAcquire(1) {
			t.Errorf("%d events about the end while the registry is held, %d live tasks, or a permit is free", got-before, len(s.byName))
		}
		s.mu.Unlock()
		if got := s.log.Last(); got != before+3*tasks || len(s.byName) != 0 || !s.permits.TryAcquire(tasks) {
			t.Errorf("%d events about the end of %d tasks, %d live tasks, or a permit is taken", got-before, tasks, len(s.byName))
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Whether somebody else lets go of the registry before, while or after an end is handed over is a matter of luck: hence the rounds.
func TestNoEndIsLeftBehind(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const rounds, tasks = 3000, 4
		s := newBench(t, Config{EventBuffer: 64})
		for round := range rounds {
			end := make(chan struct{})
			for i := range tasks {
				spec := Once(fmt.Sprint(i), TaskFunc(func(context.Context) error { <-end; return nil }))
				if _, err := s.Add(t.Context(), spec); err != nil {
					t.Fatal(err)
				}
				go func() {
					<-end
					s.List(ListOptions{Limit: 1})
				}()
			}
			synctest.Wait()
			close(end)
			synctest.Wait()
			if want := uint64((round + 1) * tasks * 6); s.log.Last() != want { // looked at without the lock, which would make up for it
				t.Fatalf("round %d: %d events, want %d", round, s.log.Last(), want)
			}
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
