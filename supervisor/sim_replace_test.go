package supervisor

import "context"

// simReplacement is a Replace that waits for the end of the life that has the name.
type simReplacement struct {
	id   int // of the life that follows
	spec simSpec
	old  *simLife
	call *simCall
	over *simDue // the wait is, then
}

// replace does as Replace.
func (m *simModel) replace(i int, a *simAct) {
	s := a.specs[0]
	old := m.live[s.Name]
	switch {
	case old == nil:
		m.add(i, a)
		return
	case m.closing:
		m.reply(i, ErrShutdown, nil)
		return
	case !m.sameSlot(old, &s):
		if out := m.slot(&simLife{simSpec: s}).rehearse(s.Admission.Policy, m.config.room); out.busy || out.full {
			m.reply(i, map[bool]error{true: ErrSlotBusy, false: ErrQueueFull}[out.busy], nil)
			return
		}
	}
	m.dropReplacement(s.Name, ErrSuperseded)
	w := &simReplacement{id: 10*i + 1, spec: s, old: old, call: &simCall{m: m, act: i}}
	m.waiting[s.Name] = w
	first := m.cancel(old, &ReplacedError{}, m.config.grace)
	if m.waiting[s.Name] != w {
		return // the old life had no body that was running
	}
	w.over = m.after(m.config.grace, old, func() {
		if first {
			m.closesLate(old)
		}
		m.dropReplacement(s.Name, ErrTaskStuck)
	})
	w.call.within(a.patience, old, context.DeadlineExceeded, nil)
}

// sameSlot reports whether a spec wants the slot of a life.
func (m *simModel) sameSlot(l *simLife, s *simSpec) bool {
	return m.slot(l) == m.slot(&simLife{simSpec: *s})
}

// rehearse says what submit would do.
func (s *simSlot) rehearse(policy AdmissionPolicy, room int) simAdmission {
	twin := simSlot{s.owner, s.stopping, append([]int(nil), s.queue...)}
	return twin.submit(-1, policy, room)
}

// dropReplacement ends the wait for a name without a new life.
func (m *simModel) dropReplacement(name string, why error) {
	if w := m.waiting[name]; w != nil {
		delete(m.waiting, name)
		m.forget(w.over)
		w.call.answer(why, nil)
	}
}

// succeed begins the life that has waited for the end of l, which is in its slot as yet.
func (m *simModel) succeed(l *simLife, w *simReplacement) {
	delete(m.waiting, l.Name)
	m.forget(w.over)
	m.succeeded = m.now
	next := &simLife{simSpec: w.spec, id: w.id}
	place := m.slot(l).place(l.id)
	var retire *simLife
	var err error
	if m.sameSlot(l, &w.spec) {
		m.inherit(next, place)
	} else {
		m.unsure = m.unsure || m.config.permits > 0 && len(m.slot(l).queue) > 0 // who has the slot now wants a permit at the same moment
		m.pass(l)
		next, retire, err = m.begin(w.id, w.spec)
	}
	if err == nil && !w.call.answered {
		m.byAct[w.call.act] = next
	}
	w.call.answer(err, next)
	if next.state == StateWaiting {
		m.ready(next)
	}
	if retire != nil {
		m.unsure = m.unsure || m.config.permits > 0 // it may wait for the permit that is handed on at this moment
		m.cancel(retire, &ReplacedError{}, m.config.grace)
	}
}

// inherit begins a life in the place that another one had in the same slot: -1 for that of the owner.
func (m *simModel) inherit(l *simLife, place int) {
	l.created = m.now
	m.lives = append(m.lives, l)
	m.byID[l.id], m.live[l.Name] = l, l
	m.say(l, simEvent{kind: TaskAddRequested})
	slot := m.slot(l)
	if place < 0 {
		slot.owner, slot.stopping = l.id, false
		m.added(l)
		return
	}
	slot.queue[place], l.state = l.id, StateQueued
	m.say(l, simEvent{kind: ControllerSubmitted, depth: len(slot.queue)})
}

// place returns where in the queue a task is; -1 for the owner.
func (s *simSlot) place(task int) int {
	for i, q := range s.queue {
		if q == task {
			return i
		}
	}
	return -1
}
