package plugintest

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// closing closes a body of each config that has never run. Those that have run are closed by the checks that run them.
func (s *subject) closing() (faults []string) {
	for _, config := range s.tried() {
		body, err := s.build(config)
		if err != nil {
			continue // other checks tell of it
		}
		if err := s.closeBody(body); err != nil {
			faults = append(faults, fmt.Sprintf("%s: before it has run, %v", text(config), err))
		}
	}
	return faults
}

// closeBody closes a body if it is a supervisor.Closer, as a supervisor does at the end of a life.
func (s *subject) closeBody(body supervisor.Task) error {
	closer := supervisor.CloserOf(body)
	if closer == nil {
		return nil
	}
	closed := make(chan error, 1)
	go func() { closed <- closeOnce(closer) }()
	timer := time.NewTimer(s.config.within())
	defer timer.Stop()
	select {
	case err := <-closed:
		return err
	case <-timer.C:
		return fmt.Errorf("Close did not return within %s; see that nothing that it waits for goes on without end", s.config.within())
	}
}

func closeOnce(closer supervisor.Closer) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("Close panics: %v\n%s", p, debug.Stack())
		}
	}()
	if err := closer.Close(); err != nil {
		return fmt.Errorf("Close fails: %w", err)
	}
	return nil
}
