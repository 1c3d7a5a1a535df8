package plugintest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"go.uber.org/goleak"

	"github.com/taskvisor/taskvisor/supervisor"
)

// life is one attempt of a body under a supervisor of its own.
type life struct {
	sup    *supervisor.Supervisor
	ref    supervisor.Ref
	looked <-chan struct{}

	within   time.Duration // an attempt that is canceled returns
	patience time.Duration
}

// begin starts an attempt.
func (s *subject) begin(body supervisor.Task) (*life, error) {
	sup, err := supervisor.New(supervisor.Config{EventBuffer: 64, Grace: s.config.within(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	task, looked := watch(body)
	spec := supervisor.Once("attempt", task)
	spec.CaptureOutput = true
	snap, err := sup.Add(context.Background(), spec)
	return &life{sup, supervisor.ByUID(snap.UID), looked, s.config.within(), s.patience}, err
}

// end waits for the end of the attempt, and of the supervisor.
func (l *life) end() (supervisor.Snapshot, error) {
	defer l.close()
	ctx, cancel := context.WithTimeout(context.Background(), l.patience)
	defer cancel()
	snap, err := l.sup.Wait(ctx, l.ref)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the attempt did not end within %s", l.patience)
	}
	return snap, err
}

// cancel cancels the attempt and waits for its end.
func (l *life) cancel() error {
	defer l.close()
	_, err := l.sup.Remove(context.Background(), l.ref, l.within)
	if errors.Is(err, supervisor.ErrTaskStuck) {
		return fmt.Errorf("the attempt did not return within %s of its cancellation; see that whatever it waits for ends with ctx.Done()", l.within)
	}
	return err
}

// close stops the supervisor. What is stuck was told of already, and is not waited for again.
func (l *life) close() {
	over, cancel := context.WithCancel(context.Background())
	if snap, err := l.sup.Get(l.ref); err == nil && snap.State == supervisor.StateStuck {
		cancel()
	}
	defer cancel()
	_ = l.sup.Shutdown(over) // says that the attempt is stuck, if it is
}

// untilAtWork waits until there is something to cancel: until the body has looked at its context or has ended; with patience, as one that never looks
// will not tell.
func (s *subject) untilAtWork(l *life) {
	defer s.settle()
	ctx, cancel := context.WithTimeout(context.Background(), l.within)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = l.sup.Wait(ctx, l.ref) // how it ended is not the question
	}()
	select {
	case <-l.looked:
		cancel()
	case <-ended:
	}
	<-ended
}

// endings runs each case twice, with the same body.
func (s *subject) endings() (faults []string) {
	for _, c := range s.config.Good {
		body, err := s.build(c.Config)
		if err != nil {
			continue // the check of good configs tells of it
		}
		for _, turn := range []string{"the first time", "when the same body runs once more"} {
			if problem := s.endsAs(c, body); problem != "" {
				faults = append(faults, fmt.Sprintf("%s: %s, %s", c.name(), turn, problem))
				break
			}
		}
		if err := s.closeBody(body); err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", c.name(), err))
		}
	}
	return faults
}

func (c *Case) name() string {
	if c.Name != "" {
		return c.Name
	}
	return text(c.Config)
}

// endsAs returns what is wrong with how an attempt ends.
func (s *subject) endsAs(c Case, body supervisor.Task) string {
	l, err := s.begin(body)
	if err != nil {
		return err.Error()
	}
	snap, err := l.end()
	if err != nil {
		return err.Error()
	}
	return c.judge(&snap)
}

func (c *Case) judge(snap *supervisor.Snapshot) string {
	end, err := endOf(snap)
	code, _ := supervisor.ExitCodeOf(err)
	delay, _ := supervisor.RetryAfterOf(err)
	switch {
	case end != c.End:
		return fmt.Sprintf("the attempt %s instead of one that %s; its error: %v", end, c.End, err)
	case code != c.ExitCode:
		return fmt.Sprintf("the error carries exit code %d instead of %d (0 for none); its text: %v", code, c.ExitCode, err)
	case delay != c.RetryAfter:
		return fmt.Sprintf("the error asks to be retried after %s instead of %s (0s for nothing); its text: %v", delay, c.RetryAfter, err)
	case err != nil && strings.TrimSpace(err.Error()) == "":
		return "the error has no text"
	case c.Reason != "" && !strings.Contains(fmt.Sprint(err), c.Reason):
		return fmt.Sprintf("the error does not say %q, but %v", c.Reason, err)
	}
	return ""
}

// endOf returns how the only attempt of a task ended, and its error.
func endOf(snap *supervisor.Snapshot) (End, error) {
	if snap.LastError == nil {
		return Succeeds, nil
	}
	err := snap.LastError.Err
	var panicked *supervisor.PanicError
	switch {
	case errors.As(err, &panicked):
		return Panics, fmt.Errorf("%w\n%s", err, panicked.Stack)
	case supervisor.IsFatal(err):
		return Dies, err
	default:
		return Fails, err
	}
}

// cancellation cancels attempts with each config, before they begin and while they are at work.
func (s *subject) cancellation() (faults []string) {
	for _, config := range s.tried() {
		body, err := s.build(config)
		if err != nil {
			continue // other checks tell of it
		}
		if err := s.neverBegun(body); err != nil {
			faults = append(faults, fmt.Sprintf("%s: with a context that is canceled from the beginning, %v", text(config), err))
			continue // it would take as long again
		}
		if err := s.interrupted(body); err != nil {
			faults = append(faults, fmt.Sprintf("%s: canceled while at work, %v", text(config), err))
			continue
		}
		if err := s.closeBody(body); err != nil {
			faults = append(faults, fmt.Sprintf("%s: after a cancellation, %v", text(config), err))
		}
	}
	return append(faults, s.endless()...)
}

// endless looks whether the endless body is one, and cancels it where the test says that it is at work.
func (s *subject) endless() []string {
	if s.config.Endless == nil {
		return nil
	}
	body, err := s.build(s.config.Endless)
	if err != nil {
		return nil // the check of good configs tells of it
	}
	l, err := s.begin(body)
	if err != nil {
		return []string{err.Error()}
	}
	if s.config.AtWork != nil {
		s.config.AtWork()
	}
	s.untilAtWork(l)
	if snap, err := l.sup.Get(l.ref); err == nil && snap.State == supervisor.StateFinished {
		l.close()
		return []string{fmt.Sprintf("Endless: the attempt has ended by itself: %s %s; it has to run until it is canceled", snap.Outcome, snap.Reason)}
	}
	if err := l.cancel(); err != nil {
		return []string{fmt.Sprintf("Endless: canceled where AtWork says that it is at work, %v", err)}
	}
	if err := s.closeBody(body); err != nil {
		return []string{fmt.Sprintf("Endless: canceled where AtWork says that it is at work, %v", err)}
	}
	return nil
}

// neverBegun runs an attempt whose context is done from the beginning.
func (s *subject) neverBegun(body supervisor.Task) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ended := make(chan error, 1)
	go func() { ended <- runOnce(ctx, body) }()
	timer := time.NewTimer(s.config.within())
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		return fmt.Errorf("the attempt did not return within %s; see that whatever it waits for ends with ctx.Done()", s.config.within())
	}
}

// runOnce runs an attempt; only a panic is an error.
func runOnce(ctx context.Context, body supervisor.Task) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the attempt panics: %v\n%s", p, debug.Stack())
		}
	}()
	_ = body.Run(ctx) // whatever it says is right
	return nil
}

// interrupted cancels an attempt that is at work.
func (s *subject) interrupted(body supervisor.Task) error {
	l, err := s.begin(body)
	if err != nil {
		return err
	}
	s.untilAtWork(l)
	return l.cancel()
}

// crowdSize is how many bodies of one config run at once.
const crowdSize = 8

// crowd runs bodies of one config at once.
func (s *subject) crowd() (faults []string) {
	for _, c := range s.config.Good {
		faults = append(faults, s.together(c.name(), c.Config, func(body supervisor.Task) string { return s.endsAs(c, body) })...)
	}
	if s.config.Endless != nil {
		busy := *s // nobody waits until all are asleep while others do the same
		busy.settle = func() {}
		faults = append(faults, s.together("Endless", s.config.Endless, func(body supervisor.Task) string {
			if err := busy.interrupted(body); err != nil {
				return err.Error()
			}
			return ""
		})...)
	}
	return faults
}

// together builds and runs the bodies of a crowd, and tells the first problem: the others have the same.
func (s *subject) together(name string, config map[string]any, run func(supervisor.Task) string) []string {
	problems := make(chan string, crowdSize)
	var group sync.WaitGroup
	for range crowdSize {
		group.Go(func() {
			if body, err := s.build(config); err == nil {
				problems <- run(body)
				_ = s.closeBody(body) // other checks tell of it
			}
		})
	}
	group.Wait()
	close(problems)
	for problem := range problems {
		if problem != "" {
			return []string{fmt.Sprintf("%s: one of %d at once: %s", name, crowdSize, problem)}
		}
	}
	return nil
}

// goroutines looks for what goes on when everything is over.
func (s *subject) goroutines() []string {
	before := goleak.IgnoreCurrent()
	for _, config := range s.tried() {
		body, err := s.build(config)
		if err != nil {
			continue // other checks tell of it
		}
		if err := s.neverBegun(body); err != nil {
			return nil // the check of cancellations tells of it
		}
		if err := s.interrupted(body); err != nil {
			return nil
		}
		if err := s.closeBody(body); err != nil {
			return nil // the same
		}
	}
	if !s.config.Virtual { // else the bubble tells of what goes on
		for _, c := range s.config.Good {
			if body, err := s.build(c.Config); err == nil {
				s.endsAs(c, body)
				_ = s.closeBody(body) // if there is something wrong, other checks tell of it
			}
		}
	}
	if err := goleak.Find(before); err != nil {
		return []string{"something goes on after all attempts are over; end it before Run returns or in Close, and start nothing in Build: " + cut(err.Error())}
	}
	return nil
}
