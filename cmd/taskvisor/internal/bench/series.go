package bench

import (
	"context"
	"fmt"
	"io"
)

// series is a number of trials, each of them repeated.
type series struct {
	trials []trial
	shown  map[trial][]*figures // in the order of the rounds
}

// runSeries runs all trials, and then all of them again: what the machine does at some time hits all of them alike.
func (b *bench) runSeries(ctx context.Context, trials []trial, progress io.Writer) (*series, error) {
	s := &series{trials: trials, shown: map[trial][]*figures{}}
	for round := range b.Count {
		for _, t := range trials {
			f, err := b.run(ctx, t)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t, err)
			}
			s.shown[t] = append(s.shown[t], f)
			fmt.Fprintf(progress, "round %d of %d: %s: %s\n", round+1, b.Count, t, b.brief(f))
		}
	}
	return s, nil
}

func (b *bench) brief(f *figures) string {
	if b.Rate > 0 {
		return fmt.Sprintf("p50 %s, p99 %s", nanosText(latencyMedian(f)), nanosText(latency99(f)))
	}
	return perSecond(f.Delivered)
}

// median returns the median of a figure; 0 if there is none.
func (s *series) median(t trial, figure func(*figures) float64) float64 {
	var values []float64
	for _, f := range s.shown[t] {
		values = append(values, figure(f))
	}
	return median(values)
}

// ratio returns the median of the ratios of two trials, each taken within one round; 0 if there is none.
func (s *series) ratio(t, to trial, figure func(*figures) float64) float64 {
	var ratios []float64
	for i, f := range s.shown[t] {
		if others := s.shown[to]; i < len(others) && figure(others[i]) > 0 {
			ratios = append(ratios, figure(f)/figure(others[i]))
		}
	}
	return median(ratios)
}

// lost returns how many events were lost in all rounds.
func (s *series) lost(t trial) (n uint64) {
	for _, f := range s.shown[t] {
		n += f.Lost
	}
	return n
}
