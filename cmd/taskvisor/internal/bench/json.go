package bench

import (
	"encoding/json"
	"io"
	"runtime"
	"time"
)

// document is what --json prints.
type document struct {
	Time       time.Time   `json:"time"`
	Go         string      `json:"go"`
	OS         string      `json:"os"`
	Arch       string      `json:"arch"`
	CPUs       int         `json:"cpus"`
	Conditions *conditions `json:"conditions"`
	Results    any         `json:"results"`
}

func writeJSON(w io.Writer, c *conditions, results any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(document{time.Now(), runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), c, results})
}

// trialResult is a trial with what it has shown in each round.
type trialResult struct {
	trial
	Rounds []*figures `json:"rounds"`
}

// all returns all that a series has shown, in its order.
func (s *series) all() (all []trialResult) {
	for _, t := range s.trials {
		all = append(all, trialResult{t, s.shown[t]})
	}
	return all
}
