package supervisor

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// What holds in a crowd, where much happens at the same moment and in any order.

// checkCrowd checks the log of a crowd: the order of the whole, and each life against its plan.
func (r *simRun) checkCrowd() {
	r.checkAnswers()
	logs, _ := r.lives()
	shutdown := logs[0][0].at
	for id, log := range logs {
		if id <= 0 {
			continue
		}
		w := &simWitness{spec: &r.plan.acts[id/10].specs[id%10-1], config: &r.config, shutdown: shutdown, log: log}
		if err := w.check(); err != nil {
			r.t.Errorf("%v, in a life of %s\n%s", err, w.spec, log)
		}
	}
}

// checkOrder checks what all lives together must not do.
func (r *simRun) checkOrder() {
	running, closing := 0, false
	for i := range r.events {
		switch e := &r.events[i]; e.Kind {
		case ShutdownRequested:
			closing = true
		case TaskStarting:
			if running++; r.config.MaxConcurrent > 0 && running > r.config.MaxConcurrent {
				r.t.Errorf("%d attempts run after event %d", running, e.Sequence)
			}
			if closing {
				r.t.Errorf("event %d: an attempt starts after the shutdown was requested", e.Sequence)
			}
		case TaskStopped, TaskFailed:
			running--
		}
	}
}

// checkAnswers checks that each call was answered with something that it may say, and in time.
func (r *simRun) checkAnswers() {
	allowed := map[simVerb][]error{
		simAdd:      {nil, ErrTaskExists, ErrTaskLimit, ErrShutdown, ErrSlotBusy, ErrQueueFull},
		simReplace:  {nil, ErrTaskLimit, ErrShutdown, ErrSlotBusy, ErrQueueFull, ErrTaskStuck, ErrSuperseded},
		simPurge:    {nil},
		simRemove:   {nil, ErrTaskNotFound, ErrTaskStuck},
		simGet:      {nil, ErrTaskNotFound},
		simList:     {nil},
		simWait:     {nil, ErrTaskNotFound, ErrTaskStuck},
		simShutdown: {nil, ErrTaskStuck},
		simRunBatch: {nil, ErrTaskExists, ErrTaskLimit, ErrShutdown, ErrTaskStuck, errSimOther},
	}
	for i := range r.plan.acts {
		a, got := &r.plan.acts[i], &r.replies[i]
		took, limit := got.at-a.at, simNever
		if a.do == simRemove {
			limit = simDefault(a.grace, r.config.Grace)
		}
		if a.do == simShutdown || a.do == simReplace {
			limit = r.config.Grace
		}
		err := simError(got.err)
		if a.patience > 0 && took == a.patience && errors.Is(err, got.err) {
			continue
		}
		if !slices.Contains(allowed[a.do], err) && (a.patience == 0 || took != a.patience) || took > limit {
			r.t.Errorf("act %d, %s, after %s: %v", i, a.do, took, got.err)
		}
		final := err == nil && (a.do == simRemove || a.do == simWait)
		if final && (got.snap.State != StateFinished || got.snap.Outcome == 0) {
			r.t.Errorf("act %d, %s: %s, %s", i, a.do, got.snap.State, got.snap.Outcome)
		}
	}
}

// simWitness goes through the log of one life, and checks that each event follows from those before it and the plan.
type simWitness struct {
	spec     *simSpec
	config   *Config
	shutdown time.Duration
	log      []simEvent
	i        int
	life     simLife // what the rules have to remember
}

func (w *simWitness) peek() Kind {
	if w.i < len(w.log) {
		return w.log[w.i].kind
	}
	return 0
}

// cancellation returns when the life was told to end: at the latest when the shutdown began.
func (w *simWitness) cancellation() time.Duration {
	for _, e := range w.log {
		if e.kind == TaskRemoveRequested {
			return e.at
		}
	}
	return w.shutdown
}

func (w *simWitness) check() error {
	w.life = simLife{simSpec: *w.spec}
	policies := policiesOf(&w.spec.Spec)
	rules := policies.rules(w.config)
	w.life.Restart, w.life.Backoff, w.life.Timeout = rules.restart, rules.backoff, rules.timeout
	due, queued := w.admitted()
	if queued {
		return w.last(&w.log[len(w.log)-1], w.log[len(w.log)-1].outcome)
	}
	due, over, err := w.firstRun(due)
	if over || err != nil {
		return err
	}
	for w.i < len(w.log) {
		e := &w.log[w.i]
		switch {
		case e.kind == TaskRemoveRequested:
			w.i++
			if next := w.peek(); next != TaskRemoved && next != 0 && next != GraceExceeded {
				return fmt.Errorf("%s follows the removal between attempts", next)
			}
		case e.kind == TaskRemoved, e.kind == GraceExceeded && w.closes() > 0:
			if at := w.cancellation(); at > due && w.config.MaxConcurrent == 0 {
				return fmt.Errorf("it was canceled at %s and due at %s", at, due)
			}
			return w.closed(w.cancellation(), OutcomeCanceled)
		case e.kind != TaskStarting || e.at < due || e.at > due && w.config.MaxConcurrent == 0:
			return fmt.Errorf("%s at %s; due at %s", e.kind, e.at, due)
		default:
			next, over, err := w.attempt()
			if err != nil || over {
				return err
			}
			due = next
		}
	}
	return w.closed(w.cancellation(), OutcomeCanceled)
}

// closes returns how long it takes to close the body: no time while no attempt has begun.
func (w *simWitness) closes() time.Duration {
	for _, e := range w.log {
		if e.kind == TaskStarting {
			return w.spec.closes
		}
	}
	return 0
}

// closed checks the end of a life whose body is closed from a moment on. If that takes longer than the shutdown waits, the log does not have it.
func (w *simWitness) closed(from time.Duration, outcome Outcome) error {
	at := from + w.closes()
	for at > from && w.peek() == GraceExceeded {
		w.i++
	}
	switch {
	case w.peek() == 0 && at > from && at >= w.shutdown+w.config.Grace:
		return nil
	case w.peek() == 0:
		return errors.New("it has no end")
	case w.log[w.i].at != at:
		return fmt.Errorf("%s at %s, not at %s", w.peek(), w.log[w.i].at, at)
	}
	return w.last(&w.log[w.i], outcome)
}

// admitted returns when the life has its slot. It may never have it.
func (w *simWitness) admitted() (at time.Duration, never bool) {
	for i := range w.log {
		if w.log[i].kind == TaskAdded {
			w.i = i + 1
			return w.log[i].at, false
		}
	}
	w.i = len(w.log) - 1
	return 0, true
}

// firstRun returns when the first attempt is due after the life had its slot at a moment: at once, unless it has a schedule. Without
// another time of that, the life is over.
func (w *simWitness) firstRun(added time.Duration) (due time.Duration, over bool, err error) {
	at, again := w.life.nextRun(added)
	switch got := w.log[min(w.i, len(w.log)-1)]; {
	case w.life.Restart.Schedule == nil:
		return added, false, nil
	case again:
		if got.kind != BackoffScheduled || got.at != added || got.d != at-added || got.source != BackoffUntilSchedule || got.attempt != 0 {
			return 0, false, fmt.Errorf("%+v while the first time is %s", got, at)
		}
		w.i++
		return at, false, nil
	case got.kind == ActorExhausted && got.outcome == OutcomeCompleted && got.at == added:
		w.i++
		return 0, true, w.last(&w.log[w.i], OutcomeCompleted)
	default: // canceled before it could end
		return added, false, nil
	}
}

// last checks the last event.
func (w *simWitness) last(e *simEvent, outcome Outcome) error {
	abandoned := (outcome == OutcomeCanceled || w.closes() > 0) && e.outcome == OutcomeAbandoned && e.at == w.shutdown+w.config.Grace
	if e.kind != TaskRemoved || e.outcome != outcome && !abandoned || w.i != len(w.log)-1 {
		return fmt.Errorf("%s %s is not the end with %s", e.kind, e.outcome, outcome)
	}
	return nil
}

// attempt checks an attempt and what follows it: another one that is due, or the end.
func (w *simWitness) attempt() (due time.Duration, over bool, err error) {
	begun := w.log[w.i]
	step := w.spec.step(begun.attempt)
	told := w.cancellation()
	w.life.timedOut = false
	asked := false // to be removed
	for w.i++; ; w.i++ {
		switch w.peek() {
		case TimeoutHit:
			if at := w.log[w.i].at; asked || at != begun.at+w.life.Timeout {
				return 0, false, fmt.Errorf("timeout at %s", at)
			}
			w.life.timedOut, told = true, begun.at+w.life.Timeout
		case TaskRemoveRequested:
			asked = true
		case GraceExceeded:
		case TaskStopped, TaskFailed:
			return w.ended(&begun, step, told)
		case 0:
			return 0, true, nil // abandoned
		default:
			return 0, false, fmt.Errorf("%s during an attempt", w.peek())
		}
	}
}

// ended checks the end of an attempt whose body was told to stop at a moment.
func (w *simWitness) ended(begun *simEvent, step *simStep, told time.Duration) (due time.Duration, over bool, err error) {
	e := w.log[w.i]
	w.i++
	var ends []*simEnd
	if e.at == begun.at+step.work && told >= e.at && step.end != simLeaves {
		ends = append(ends, step.end)
	}
	if told <= begun.at+step.work && e.at == told+step.deaf {
		ends = append(ends, step.late)
	}
	if e.d != e.at-begun.at || e.attempt != begun.attempt {
		return 0, false, fmt.Errorf("attempt %d ends after %s", e.attempt, e.d)
	}
	w.life.started = begun.at
	if err = errors.New("no such end of an attempt is planned"); len(ends) == 0 {
		return 0, false, err
	}
	before := w.life
	for _, end := range ends {
		w.life = before
		w.life.restarts = slices.Clone(before.restarts)
		if due, over, err = w.follows(&e, end); err == nil {
			return due, over, nil
		}
	}
	return 0, false, err
}

// follows checks what follows if the attempt has ended in that way.
func (w *simWitness) follows(e *simEvent, end *simEnd) (due time.Duration, over bool, err error) {
	how := end.how
	if w.life.timedOut {
		how = failed
	}
	if (e.kind == TaskFailed) != (how == failed || how == fatal) {
		return 0, false, fmt.Errorf("%s after %s", e.kind, end)
	}
	if next := w.peek(); (next == TaskRemoved || next == GraceExceeded || next == 0) && w.cancellation() <= e.at {
		return 0, true, w.closed(e.at, OutcomeCanceled)
	}
	if w.cancellation() < e.at {
		return 0, false, fmt.Errorf("%s follows a canceled attempt", w.peek())
	}
	n := simRules(&w.life, how, e.at, end.hint)
	if n.kind != 0 {
		got := w.log[min(w.i, len(w.log)-1)]
		if got.kind != n.kind || got.at != e.at || got.source != n.source || got.outcome != n.outcome || !w.within(got.d, &n, end) {
			return 0, false, fmt.Errorf("%+v, not %+v", got, n)
		}
		n.delay = got.d
		w.i++
	}
	if n.outcome != 0 {
		return 0, true, w.closed(e.at, n.outcome)
	}
	return e.at + n.delay, false, nil
}

// within reports whether the jitter of the spec can make of a delay what was drawn.
func (w *simWitness) within(drawn time.Duration, n *simNext, end *simEnd) bool {
	b := &w.life.Backoff
	if n.source != BackoffAfterFailure || end.hint > 0 {
		return drawn == n.delay
	}
	lo, hi := n.delay, n.delay
	switch b.Jitter {
	case JitterFull:
		lo = 0
	case JitterEqual:
		lo = hi / 2
	case JitterDecorrelated:
		lo, hi = b.First, min(b.Max, time.Duration(math.MaxInt64))
	case JitterNone:
	}
	return lo <= drawn && drawn <= hi
}
