package supervisor

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// simModel is the reference: a supervisor that is one loop over what is due, in the order of time. It knows no goroutine, no lock, no
// timer and no engine. DESIGN §4 and §5 are its source; where they are silent, the doc comments of the engine are.
type simModel struct {
	config simConfig
	now    time.Duration
	due    []*simDue
	last   *simDue // that happened
	// unsure says that two things were due at the same moment that nothing orders, so that the engine may rightly do otherwise.
	unsure bool

	lives     []*simLife          // all, in the order of their admission
	live      map[string]*simLife // by name
	byAct     map[int]*simLife    // by the act that added them
	finished  []*simLife          // in the order of their ends
	byID      map[int]*simLife
	slots     map[string]*simSlot        // by name; of those that were ever owned
	waiting   map[string]*simReplacement // for the end of the life that has the name
	succeeded time.Duration              // when the last of them ended, and the other one began
	permits   int                        // that are free
	queue     []*simLife                 // those that wait for a permit, first come first served

	closing bool
	grace   *simDue       // of the shutdown
	closed  time.Duration // when the log was closed; never before
	stuck   []string      // names in the verdict of the shutdown
	over    []func()      // to be called then
	log     []simEvent    // about the supervisor itself
	replies []simReply    // to each act
}

// simConfig is a Config with what matters to the model, defaults filled in.
type simConfig struct {
	grace, timeout, retainedAge time.Duration
	room                        int // in the queue of a slot
	permits, maxTasks, retained int // permits and maxTasks: 0 for no limit
}

const simNever = time.Duration(1<<63 - 1)

// simDue is something that is due. It is causal if it follows at once from something else at the same moment.
type simDue struct {
	at     time.Duration
	causal bool
	of     any // what happens to the same one at the same moment happens in the order of planning
	do     func()
}

func (m *simModel) after(d time.Duration, of any, do func()) *simDue {
	due := &simDue{at: m.now + d, causal: d == 0, of: of, do: do}
	m.due = append(m.due, due)
	return due
}

func (m *simModel) forget(due *simDue) {
	if i := slices.Index(m.due, due); i >= 0 {
		m.due = slices.Delete(m.due, i, i+1)
	}
}

// run lets everything happen that is due.
func (m *simModel) run() {
	for len(m.due) > 0 {
		next := slices.MinFunc(m.due, func(a, b *simDue) int { return int(min(max(a.at-b.at, -1), 1)) }) // the first of equals
		m.forget(next)
		if !next.causal {
			m.unsure = m.unsure || m.last != nil && m.last.at == next.at && m.last.of != next.of
			m.last = next
		}
		m.now = next.at
		next.do()
	}
}

// simLife is a life as it should be.
type simLife struct {
	simSpec
	id  int // 10·act + place in the batch
	log []simEvent
	simState
	earlier  uint32 // failures of the streak that are those of earlier runs of a schedule
	restarts []time.Duration
	body     bool // runs
	closing  bool // the body is being closed
	told     bool // to stop
	timedOut bool
	canceled error
	ends     *simDue  // the attempt
	deadline *simDue  // of the attempt
	pulse    *simDue  // a sign of life is missed, then
	late     string   // which timeout the attempt has reached, in words
	stuck    *simDue  // the body is, then
	next     *simDue  // attempt
	answers  []func() // those who wait for the end
	warnings []func() // those who do not wait for a body that is stuck
}

// simState is the part of a Snapshot that is compared. Moments are counted from the beginning; 0 for none.
type simState struct {
	state                               State
	attempt                             uint64
	streak                              uint32
	created, started, planned, finished time.Duration
	reason                              string // of the last error
	failed                              time.Duration
	outcome                             Outcome
}

// simEvent is the part of an Event that is compared.
type simEvent struct {
	at      time.Duration
	kind    Kind
	attempt uint64
	d       time.Duration // duration, timeout or delay
	source  BackoffSource
	outcome Outcome
	simCode
	depth  int    // of a queue
	reason string // the last part of it
}

type simCode struct {
	code int32
	has  bool
}

func (m *simModel) say(l *simLife, e simEvent) {
	if e.at = m.now; m.closed == simNever {
		l.log = append(l.log, e)
	}
}

// admit says why lives cannot begin, and which one is in their way; nil when they can.
func (m *simModel) admit(specs []simSpec) (holder *simLife, err error) {
	names := map[string]bool{}
	for _, s := range specs {
		if names[s.Name] {
			return nil, ErrTaskExists
		}
		names[s.Name] = true
	}
	for _, s := range specs {
		switch {
		case m.closing:
			return nil, ErrShutdown
		case m.live[s.Name] != nil:
			return m.live[s.Name], ErrTaskExists
		case m.config.maxTasks > 0 && len(m.live)+len(specs) > m.config.maxTasks:
			return nil, ErrTaskLimit
		}
	}
	return nil, nil
}

// begin begins a life that is admitted, and takes it to its slot. The error says why that refuses it; retire is the owner that is to be told
// to stop, if any.
func (m *simModel) begin(id int, s simSpec) (l, retire *simLife, err error) {
	l = &simLife{simSpec: s, id: id}
	l.created = m.now
	m.lives = append(m.lives, l)
	m.byID[id] = l
	m.say(l, simEvent{kind: TaskAddRequested})
	slot := m.slot(l)
	owner := m.byID[slot.owner]
	out := slot.submit(id, s.Admission.Policy, m.config.room)
	if out.busy {
		m.reject(l, RejectedSlotBusy)
		return l, nil, ErrSlotBusy
	}
	if out.full {
		m.reject(l, RejectedQueueFull)
		return l, nil, ErrQueueFull
	}
	m.live[s.Name] = l
	if out.displaced != 0 {
		m.reject(m.byID[out.displaced], RejectedSuperseded)
	}
	if out.start {
		m.added(l)
		return l, nil, nil
	}
	l.state = StateQueued
	m.say(l, simEvent{kind: ControllerSubmitted, depth: len(slot.queue)})
	if out.retire {
		retire = owner
	}
	return l, retire, nil
}

// slot returns the slot of a life: that of its name unless it is given.
func (m *simModel) slot(l *simLife) *simSlot {
	name := cmp.Or(l.Admission.Slot, l.Name)
	if m.slots[name] == nil {
		m.slots[name] = &simSlot{}
	}
	return m.slots[name]
}

// reject ends a life that never ran.
func (m *simModel) reject(l *simLife, why Rejection) {
	m.say(l, simEvent{kind: ControllerRejected, reason: why.String()})
	m.end(l, OutcomeRejected, "", simCode{})
}

// pass gives the slot of a life that has ended to the next one.
func (m *simModel) pass(l *simLife) {
	slot := m.slot(l)
	if slot.owner != l.id {
		slot.leave(l.id)
		return
	}
	if next := m.byID[slot.end()]; next != nil {
		m.added(next)
		m.ready(next)
	}
}

// added says that a life has its slot. It waits there for the first time of its schedule, if it has one.
func (m *simModel) added(l *simLife) {
	l.state = StateWaiting
	m.say(l, simEvent{kind: TaskAdded})
	if at, again := l.nextRun(m.now); again {
		m.say(l, simEvent{kind: BackoffScheduled, d: at - m.now, source: BackoffUntilSchedule})
		m.backoff(l, at-m.now)
	}
}

// backoff has a life wait for its next attempt.
func (m *simModel) backoff(l *simLife, delay time.Duration) {
	l.state, l.planned = StateBackoff, m.now+delay
	l.next = m.after(delay, l, func() {
		l.state, l.planned = StateWaiting, 0
		m.want(l)
	})
}

// ready lets a life begin that was just added.
func (m *simModel) ready(l *simLife) {
	switch {
	case l.state == StateBackoff: // until the first time of its schedule
	case l.Restart.Schedule != nil:
		m.say(l, simEvent{kind: ActorExhausted, outcome: OutcomeCompleted})
		m.end(l, OutcomeCompleted, "", simCode{})
	default:
		m.want(l)
	}
}

// want starts the next attempt as soon as it can have a permit.
func (m *simModel) want(l *simLife) {
	if m.config.permits > 0 {
		l.state = StateWaiting
		if m.permits == 0 {
			m.queue = append(m.queue, l)
			return
		}
		m.permits--
	}
	m.start(l)
}

func (m *simModel) start(l *simLife) {
	l.attempt++
	l.state, l.started, l.body, l.told, l.timedOut = StateRunning, m.now, true, false, false
	m.say(l, simEvent{kind: TaskStarting, attempt: l.attempt})
	s := l.step(l.attempt)
	l.ends = m.after(s.work, l, func() {
		if s.end == simLeaves {
			m.cancel(l, ErrRemoved, m.config.grace)
			m.after(m.config.grace, l, func() { m.closesLate(l) })
			return
		}
		m.back(l, s.end)
	})
	if timeout := simDefault(l.Timeout, m.config.timeout); timeout > 0 {
		l.deadline = m.after(timeout, l, func() { m.timeOut(l, timeout, "timeout after ") })
	}
	if timeout := l.HeartbeatTimeout; timeout > 0 && !s.beats {
		l.pulse = m.after(timeout, l, func() { m.timeOut(l, timeout, "no heartbeat for ") })
	}
}

func simDefault(d, byDefault time.Duration) time.Duration {
	if d == 0 {
		return byDefault
	}
	return d
}

func (m *simModel) timeOut(l *simLife, timeout time.Duration, which string) {
	l.timedOut, l.state, l.late = true, StateStopping, which+timeout.String()
	m.say(l, simEvent{kind: TimeoutHit, attempt: l.attempt, d: timeout})
	m.tell(l)
	m.stuckAfter(l, m.config.grace)
}

// tell cancels the body. It does not learn of a second cancellation.
func (m *simModel) tell(l *simLife) {
	if l.told {
		return
	}
	l.told = true
	m.forget(l.ends)
	m.forget(l.deadline)
	m.forget(l.pulse)
	s := l.step(l.attempt)
	l.ends = m.after(s.deaf, l, func() { m.back(l, s.late) })
}

func (m *simModel) stuckAfter(l *simLife, grace time.Duration) {
	m.forget(l.stuck)
	l.stuck = m.after(grace, l, func() { m.late(l) })
}

// late says that a life is stuck.
func (m *simModel) late(l *simLife) {
	l.state = StateStuck
	m.say(l, simEvent{kind: GraceExceeded, attempt: l.attempt})
	for _, answer := range l.warnings {
		answer()
	}
}

// closesLate says, for the first to ask for the end of a life, that its body is not closed yet.
func (m *simModel) closesLate(l *simLife) {
	if l.closing && l.state == StateStopping {
		m.forget(l.stuck)
		m.late(l)
	}
}

// cancel asks for the end of a life, unless somebody did so before.
func (m *simModel) cancel(l *simLife, cause error, grace time.Duration) (first bool) {
	if l.canceled != nil || l.outcome != 0 || l.closing {
		return false
	}
	l.canceled = cause
	if slot := m.slot(l); slot.owner == l.id {
		slot.stop()
	}
	if errors.Is(cause, ErrRemoved) {
		m.say(l, simEvent{kind: TaskRemoveRequested, reason: shortReason(cause.Error())})
	}
	if !l.body {
		m.queue = slices.DeleteFunc(m.queue, func(q *simLife) bool { return q == l })
		m.forget(l.next)
		m.finish(l, OutcomeCanceled, shortReason(cause.Error()), simCode{}, false)
		return true
	}
	if l.state == StateRunning {
		l.state = StateStopping
	}
	m.tell(l)
	if grace > 0 && l.state != StateStuck {
		m.stuckAfter(l, grace)
	}
	return true
}

// back ends an attempt: the body has returned.
func (m *simModel) back(l *simLife, end *simEnd) {
	m.forget(l.ends)
	m.forget(l.deadline)
	m.forget(l.pulse)
	m.forget(l.stuck)
	l.body = false
	how, reason, code := end.how, end.reason, simCode{end.code, end.hasCode}
	if l.timedOut {
		if how == canceled || how == succeeded {
			reason = l.late
		}
		how = failed
	}
	e := simEvent{kind: TaskStopped, attempt: l.attempt, d: m.now - l.started}
	if how == failed || how == fatal {
		l.reason, l.failed = reason, m.now
		e.kind, e.reason, e.simCode = TaskFailed, reason, code
	}
	m.say(l, e)
	if l.canceled != nil {
		m.finish(l, OutcomeCanceled, shortReason(l.canceled.Error()), code, true)
		return
	}
	m.decide(l, how, end, reason, code)
}

// finish closes the body, if it has anything to close, and ends the life.
func (m *simModel) finish(l *simLife, outcome Outcome, reason string, code simCode, permit bool) {
	end := func() {
		if l.closing = false; permit {
			m.release()
		}
		m.end(l, outcome, reason, code)
	}
	if l.closes == 0 || l.attempt == 0 {
		end()
		return
	}
	l.closing, l.planned = true, 0
	if l.state != StateStuck {
		l.state = StateStopping
		if !errors.Is(l.canceled, ErrShutdown) {
			m.stuckAfter(l, m.config.grace)
		}
	}
	m.after(l.closes, l, func() {
		m.forget(l.stuck)
		end()
	})
}

// release gives a permit to the one that has waited for the longest time.
func (m *simModel) release() {
	m.permits++
	if len(m.queue) > 0 {
		l := m.queue[0]
		m.queue = m.queue[1:]
		m.permits--
		m.start(l)
	}
}

func (m *simModel) decide(l *simLife, how verdict, end *simEnd, reason string, code simCode) {
	n := simRules(l, how, m.now, end.hint)
	if n.kind != 0 {
		e := simEvent{kind: n.kind, attempt: l.attempt, d: n.delay, source: n.source, outcome: n.outcome, reason: reason}
		if n.outcome != 0 {
			e.simCode = code
		}
		if n.reason != "" && reason == "" {
			e.reason = n.reason
		}
		m.say(l, e)
		reason = e.reason
	}
	if n.outcome != 0 {
		m.finish(l, n.outcome, reason, code, true)
		return
	}
	m.release()
	m.backoff(l, n.delay)
}

// end ends a life.
func (m *simModel) end(l *simLife, outcome Outcome, reason string, code simCode) {
	l.state, l.finished, l.planned = StateFinished, m.now, 0
	if m.live[l.Name] == l {
		delete(m.live, l.Name)
	}
	m.finished = append(m.finished, l)
	m.say(l, simEvent{kind: TaskRemoved, outcome: outcome, simCode: code, reason: reason})
	if w := m.waiting[l.Name]; w != nil && w.old == l {
		m.succeed(l, w) // who waits for the end finds the new life there
	} else {
		m.pass(l)
	}
	m.settle(l, outcome)
	if m.closing && len(m.live) == 0 && m.closed == simNever {
		m.verdict()
	}
}

// settle answers those who wait for a life.
func (m *simModel) settle(l *simLife, outcome Outcome) {
	if l.outcome != 0 {
		return
	}
	l.outcome = outcome
	for _, answer := range l.answers {
		answer()
	}
}

func (m *simModel) shutdown() {
	if m.closing {
		return
	}
	m.closing = true
	m.unsure = m.unsure || m.succeeded == m.now // Run stops when a life ends: the first attempt of the next may or may not have begun
	for name := range m.waiting {
		m.dropReplacement(name, ErrShutdown)
	}
	m.log = append(m.log, simEvent{at: m.now, kind: ShutdownRequested, reason: ErrShutdown.Error()})
	m.grace = m.after(m.config.grace, m, m.verdict)
	if len(m.live) == 0 {
		m.verdict()
	}
	for _, l := range m.lives {
		if l.state == StateQueued {
			m.slot(l).leave(l.id)
			m.reject(l, RejectedShutdown)
		}
	}
	for _, body := range []bool{false, true} { // first those that wait for a permit: none of them starts any more
		for _, l := range m.lives {
			if l.body == body {
				m.cancel(l, ErrShutdown, 0)
			}
		}
	}
}

// verdict ends the shutdown.
func (m *simModel) verdict() {
	m.forget(m.grace)
	var abandoned []*simLife
	for _, l := range m.lives {
		if l.body || l.closing {
			abandoned = append(abandoned, l)
		}
	}
	for _, l := range abandoned {
		l.state = StateStuck
		m.say(l, simEvent{kind: GraceExceeded, attempt: l.attempt})
		m.forget(l.stuck)
		m.settle(l, OutcomeAbandoned)
		m.stuck = append(m.stuck, l.Name)
	}
	if len(abandoned) == 0 {
		m.log = append(m.log, simEvent{at: m.now, kind: AllStoppedWithinGrace})
	}
	slices.Sort(m.stuck)
	m.closed = m.now
	for _, answer := range m.over {
		answer()
	}
}
