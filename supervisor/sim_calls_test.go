package supervisor

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// simReply is what a call returned, and when. It is comparable.
type simReply struct {
	at   time.Duration
	err  error  // one of simErrors, or errSimOther
	life int    // id of the life that the result or the error tells of; 0 for none
	list string // of what List returned, or of the tasks that a shutdown names
	simState
}

// simErrors are the errors that calls return, in the order in which they are looked for.
var simErrors = []error{
	ErrTaskStuck, ErrTaskNotFound, ErrTaskExists, ErrTaskLimit, ErrShutdown, ErrSlotBusy, ErrQueueFull, ErrSuperseded,
	context.DeadlineExceeded,
}

// errSimOther stands for any other error: that of Run about tasks that did not end well.
var errSimOther = errors.New("other")

func simError(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range simErrors {
		if errors.Is(err, known) {
			return known
		}
	}
	return errSimOther
}

// predict says how a plan goes.
func predict(p *simPlan) *simModel {
	c := p.config.withDefaults()
	m := &simModel{
		config: simConfig{
			grace: c.Grace, timeout: c.Timeout, retainedAge: c.RetainedAge,
			permits: c.MaxConcurrent, maxTasks: p.config.MaxTasks, room: c.SlotQueue, retained: max(c.RetainedTasks, 0),
		},
		slots: map[string]*simSlot{}, waiting: map[string]*simReplacement{}, byID: map[int]*simLife{}, live: map[string]*simLife{}, byAct: map[int]*simLife{}, permits: c.MaxConcurrent, closed: simNever,
		replies: make([]simReply, len(p.acts)),
	}
	for i := range p.acts {
		a := &p.acts[i]
		m.after(a.at, a, func() { m.act(i, a) })
	}
	m.run()
	return m
}

// act does an act.
func (m *simModel) act(i int, a *simAct) {
	c := &simCall{m: m, act: i}
	switch a.do {
	case simAdd:
		m.add(i, a)
	case simReplace:
		m.replace(i, a)
	case simList:
		m.reply(i, nil, nil)
		m.replies[i].list = m.list()
	case simPurge:
		m.reply(i, nil, nil)
		m.replies[i].list = m.purge(a.name)
	case simShutdown:
		m.shutdown()
		c.waitOver(func() error { return nil })
		c.within(a.patience, m, context.DeadlineExceeded, nil)
	case simRunBatch:
		m.runBatch(i, a)
	case simRemove, simGet, simWait:
		if a.do == simRemove && a.target < 0 {
			m.dropReplacement(a.name, ErrSuperseded)
		}
		l := m.find(a)
		switch {
		case l == nil:
			m.reply(i, ErrTaskNotFound, nil)
		case a.do == simRemove:
			m.remove(i, a, l)
		case a.do == simWait:
			c.waitStuck(l)
			c.within(a.patience, l, context.DeadlineExceeded, l)
		default:
			m.reply(i, nil, l)
		}
	}
}

// reply records the answer to an act.
func (m *simModel) reply(i int, err error, l *simLife) {
	r := simReply{at: m.now, err: err}
	if l != nil {
		r.life, r.simState = l.id, l.simState
	}
	m.replies[i] = r
}

// simCall is an act that has not been answered yet: its first answer counts.
type simCall struct {
	m        *simModel
	act      int
	answered bool
	timers   []*simDue
}

func (c *simCall) answer(err error, l *simLife) {
	if c.answered {
		return
	}
	c.answered = true
	for _, t := range c.timers {
		c.m.forget(t)
	}
	c.m.reply(c.act, err, l)
}

// within limits the time until the answer.
func (c *simCall) within(d time.Duration, of any, err error, l *simLife) {
	if d > 0 && !c.answered {
		c.timers = append(c.timers, c.m.after(d, of, func() { c.answer(err, l) }))
	}
}

// wait answers at the end of a life.
func (c *simCall) wait(l *simLife) {
	answer := func() {
		if l.outcome == OutcomeAbandoned {
			c.answer(ErrTaskStuck, l)
		} else {
			c.answer(nil, l)
		}
	}
	if l.outcome != 0 {
		answer()
	} else {
		l.answers = append(l.answers, answer)
	}
}

// waitStuck answers at the end of a life, or when its body is stuck.
func (c *simCall) waitStuck(l *simLife) {
	if l.state == StateStuck {
		c.answer(ErrTaskStuck, l)
		return
	}
	l.warnings = append(l.warnings, func() { c.answer(ErrTaskStuck, l) })
	c.wait(l)
}

// waitOver answers when the shutdown is over: with ErrTaskStuck, or else with what how says.
func (c *simCall) waitOver(how func() error) {
	answer := func() {
		if len(c.m.stuck) == 0 {
			c.answer(how(), nil)
		} else if !c.answered {
			c.answer(ErrTaskStuck, nil)
			c.m.replies[c.act].list = strings.Join(c.m.stuck, ", ")
		}
	}
	if c.m.closed != simNever {
		answer()
	} else {
		c.m.over = append(c.m.over, answer)
	}
}

// admitted reports whether the lives of an act can begin. It answers the act when they cannot.
func (m *simModel) admitted(i int, a *simAct) bool {
	holder, err := m.admit(a.specs)
	if err != nil {
		m.reply(i, err, nil)
	}
	if holder != nil {
		m.replies[i].life = holder.id
	}
	return err == nil
}

func (m *simModel) add(i int, a *simAct) {
	if !m.admitted(i, a) {
		return
	}
	l, retire, err := m.begin(10*i+1, a.specs[0])
	m.reply(i, err, l)
	if err == nil {
		m.byAct[i] = l
	}
	if l.state == StateWaiting {
		m.ready(l)
	}
	if retire != nil {
		m.cancel(retire, &ReplacedError{}, m.config.grace)
	}
}

func (m *simModel) remove(i int, a *simAct, l *simLife) {
	grace := simDefault(a.grace, m.config.grace)
	first := m.cancel(l, ErrRemoved, grace)
	c := &simCall{m: m, act: i}
	c.wait(l)
	if first && !c.answered {
		c.timers = append(c.timers, m.after(grace, l, func() { m.closesLate(l) }))
	}
	c.within(grace, l, ErrTaskStuck, l)
	c.within(a.patience, l, context.DeadlineExceeded, l)
}

// runBatch does as Run: all tasks or none, then the end of everything.
func (m *simModel) runBatch(i int, a *simAct) {
	if !m.admitted(i, a) {
		return
	}
	var batch []*simLife
	for k, s := range a.specs {
		l, _, _ := m.begin(10*i+k+1, s) // in a batch, each task has a slot of its own
		batch = append(batch, l)
	}
	if m.config.permits > 0 {
		m.unsure = true // they ask for permits at the same moment, and the shutdown follows an end which hands one on
	}
	c := &simCall{m: m, act: i}
	stop := func() {
		m.shutdown()
		c.waitOver(func() error { return batchError(batch) })
	}
	if a.patience > 0 {
		c.timers = append(c.timers, m.after(a.patience, m, stop))
	}
	left := len(batch)
	for _, l := range batch {
		l.answers = append(l.answers, func() {
			if left--; left == 0 {
				stop()
			}
		})
	}
	for _, l := range batch {
		m.ready(l)
	}
}

// batchError returns what Run says about tasks that have ended.
func batchError(batch []*simLife) error {
	for _, l := range batch {
		if l.outcome == OutcomeFailed || l.outcome == OutcomeFatal {
			return errSimOther
		}
	}
	return nil
}

// kept reports whether a life that is over can still be found.
func (m *simModel) kept(l *simLife) bool {
	i := len(m.finished) - m.config.retained // the first that is kept
	if i > 0 && i < len(m.finished) && m.finished[i].finished == m.finished[i-1].finished {
		m.unsure = true // the order of ends at the same moment, which only a shutdown brings about, is open
	}
	return slices.Index(m.finished, l) >= i && m.now-l.finished <= m.config.retainedAge
}

// find returns the life that an act is about; nil when it cannot be found.
func (m *simModel) find(a *simAct) *simLife {
	if a.target < 0 {
		return m.live[a.name]
	}
	l := m.byAct[a.target]
	if l != nil && l.state == StateFinished && !m.kept(l) {
		return nil
	}
	return l
}

// purge rejects those that wait for a slot, and returns how many there were.
func (m *simModel) purge(name string) string {
	slot := m.slots[name]
	if slot == nil {
		return "0"
	}
	rejected := slot.purge()
	for _, id := range rejected {
		m.reject(m.byID[id], RejectedPurged)
	}
	return strconv.Itoa(len(rejected))
}

// list returns the names and states of the live tasks, sorted.
func (m *simModel) list() string {
	var all []string
	for _, l := range m.live {
		all = append(all, l.Name+" "+l.state.String())
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
