package supervisor

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// BenchmarkListByUID looks one life up among 10,000, which is what clients do that wait for it. The metric "looking-through" is how many times as long
// it takes to look through all of them; the other one is the same for a name.
func BenchmarkListByUID(b *testing.B) {
	s, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Shutdown(context.Background()) }() // all of them return
	waits := TaskFunc(func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	var uid UID
	for i := range 10_000 {
		snap, err := s.Add(b.Context(), Once(fmt.Sprint("task-", i), waits))
		if err != nil {
			b.Fatal(err)
		}
		uid = snap.UID
	}
	const last = "task-9999"
	find := func(opts ListOptions) {
		if len(s.List(opts)) != 1 {
			b.Fatal("it is not found")
		}
	}
	for b.Loop() {
		find(ListOptions{UIDs: []UID{uid}, Finished: true})
	}
	direct := b.Elapsed() / time.Duration(b.N)
	const rounds = 20
	begin := time.Now()
	for range rounds {
		find(ListOptions{Match: func(s *Snapshot) bool { return s.UID == uid }, Finished: true})
	}
	through := float64(time.Since(begin) / rounds)
	b.ReportMetric(through/float64(direct), "looking-through")
	begin = time.Now()
	for range rounds {
		find(ListOptions{Names: []string{last}, Finished: true})
	}
	b.ReportMetric(through/float64(time.Since(begin)/rounds), "looking-through-for-a-name")
}
