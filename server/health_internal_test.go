package server

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever asks while the supervisor does not answer learns that in time, and they all wait for one answer.
func TestPulse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		stalled := make(chan struct{})
		p := pulse{question: func() {
			asked.Add(1)
			<-stalled
		}}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for ctx, want := range map[context.Context]time.Duration{t.Context(): pulsePatience, short: time.Second} {
			go func() {
				begin := time.Now()
				if p.beats(ctx) || time.Since(begin) != want {
					t.Errorf("an answer, or none after %s, want %s", time.Since(begin), want)
				}
			}()
		}
		time.Sleep(2 * pulsePatience)
		if asked := asked.Load(); asked != 1 {
			t.Errorf("the supervisor was asked %d times", asked)
		}
		close(stalled)
		synctest.Wait()
		for range 2 {
			if !p.beats(t.Context()) {
				t.Error("no answer after it goes on")
			}
		}
		if asked := asked.Load(); asked != 3 {
			t.Errorf("the supervisor was asked %d times", asked)
		}
	})
}
