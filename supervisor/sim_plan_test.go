package supervisor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// simPlan is all that is going to happen to a supervisor. It follows from the seed alone; nothing in it depends on how the engine or
// the model answers. There are two kinds. In most plans no two things are due at the same moment, so that one outcome alone is right.
// In a crowd it is the other way round: everything takes few whole milliseconds, so that much happens at once, and in any order.
type simPlan struct {
	config Config
	acts   []simAct // in the order of their moments
	crowd  bool
}

// simAct is a call of the supervisor.
type simAct struct {
	at       time.Duration
	do       simVerb
	specs    []simSpec     // simAdd, simReplace: one; simRunBatch: some
	name     string        // whom it is about: the live task of this name,
	target   int           // or the life that the act with this index added; -1 for none
	grace    time.Duration // simRemove
	patience time.Duration // after which the context of the call ends; 0: never
}

type simVerb uint8

const (
	simAdd simVerb = iota
	simReplace
	simRemove
	simGet
	simList
	simWait
	simShutdown
	simRunBatch
	simPurge
)

var simVerbNames = [...]string{"Add", "Replace", "Remove", "Get", "List", "Wait", "Shutdown", "Run", "PurgeSlot"}

func (v simVerb) String() string { return simVerbNames[v] }

// simSpec is a spec whose body is data.
type simSpec struct {
	Spec
	steps  []simStep     // one for each attempt, the last one again and again
	closes time.Duration // how long it takes to close the body; 0: it has nothing to close
}

func (s *simSpec) step(attempt uint64) *simStep {
	return &s.steps[min(attempt, uint64(len(s.steps)))-1]
}

// simStep is a step whose ends are data.
type simStep struct {
	work, deaf time.Duration
	end, late  *simEnd
	beats      bool // gives signs of life as often as it has to; else none
}

// simEnd is a way to end an attempt, and what it means.
type simEnd struct {
	do      func(context.Context) error // nil: the body has its task removed, and ends as one that was canceled
	how     verdict
	reason  string
	code    int32
	hasCode bool
	hint    time.Duration // 0: none
}

var (
	simGood   = &simEnd{do: returns(nil), how: succeeded}
	simBoom   = &simEnd{do: returns(problem("boom")), how: failed, reason: "boom"}
	simExit   = &simEnd{do: returns(ExitCode(problem("exit"), 3)), how: failed, reason: "exit", code: 3, hasCode: true}
	simDead   = &simEnd{do: returns(Fatal(ExitCode(problem("dead"), 4))), how: fatal, reason: "dead", code: 4, hasCode: true}
	simHint   = &simEnd{do: returns(RetryAfter(problem("hint"), 70*ms+7)), how: failed, reason: "hint", hint: 70*ms + 7}
	simPanic  = &simEnd{do: panics(0, "panics").end, how: failed, reason: "panics"}
	simGoexit = &simEnd{do: exits(0).end, how: failed, reason: errGoexit.Error()}
	simSelf   = &simEnd{do: returns(context.Canceled), how: canceled, reason: context.Canceled.Error()}
	simObeys  = &simEnd{do: func(ctx context.Context) error { return ctx.Err() }, how: canceled, reason: context.Canceled.Error()}
	simLeaves = &simEnd{how: canceled}
)

// simPlanner makes a plan.
type simPlanner struct {
	*rand.Rand
	seed uint64
	now  time.Duration
	plan *simPlan
	slot bool  // most tasks share a slot
	adds []int // indices of the acts that add a task
}

// pick returns one of the choices.
func pick[T any](r *rand.Rand, choices ...T) T { return choices[r.IntN(len(choices))] }

// about makes a duration a little longer, by less than a millisecond that nothing else shares. In a crowd, all durations are alike.
func (p *simPlanner) about(d time.Duration) time.Duration {
	if p.plan.crowd {
		return time.Duration(p.IntN(5)) * ms
	}
	return d + 1 + time.Duration(p.Int64N(int64(ms-1)))
}

// newSimPlan returns the plan of a seed.
func newSimPlan(seed uint64, crowd bool) *simPlan {
	p := &simPlanner{Rand: rand.New(rand.NewPCG(seed, 0)), seed: seed, plan: &simPlan{crowd: crowd}}
	p.plan.config = p.config()
	p.slot = p.IntN(3) == 0
	n := 1 + p.IntN(25)
	if crowd || p.slot {
		n *= 2
	}
	stop, batch := p.IntN(n+10), p.IntN(4*n)
	for i := range n {
		switch i {
		case stop:
			p.act(simAct{do: simShutdown, patience: p.patience()})
		case batch:
			p.batch()
		default:
			p.any()
		}
	}
	p.act(simAct{do: simShutdown})
	return p.plan
}

func (p *simPlanner) config() Config {
	c := Config{Grace: p.about(pick(p.Rand, 5*ms, 5000*ms, 500_000*ms)), EventBuffer: 1 << 14}
	c.Timeout = pick(p.Rand, 0, 0, 3000*ms+11)
	c.SlotQueue = pick(p.Rand, 0, 1, 2)
	c.RetainedTasks = pick(p.Rand, 0, 0, 2, -1)
	c.RetainedAge = pick(p.Rand, forever, 10*time.Second)
	if p.IntN(2) == 0 || p.plan.crowd {
		c.MaxConcurrent = p.IntN(4)
	}
	if p.IntN(6) == 0 {
		c.MaxTasks = 2 + p.IntN(2)
	}
	return c
}

// act appends an act, some time after the one before it.
func (p *simPlanner) act(a simAct) {
	if !p.plan.crowd || p.IntN(3) == 0 {
		p.now += p.about(pick(p.Rand, 0, 0, 1*ms, 30*ms, 300*ms, 3000*ms, 30_000*ms))
	}
	a.at = p.now
	p.plan.acts = append(p.plan.acts, a)
}

func (p *simPlanner) any() {
	switch p.IntN(19) {
	case 0, 1, 2, 3, 4, 5:
		p.adds = append(p.adds, len(p.plan.acts))
		p.act(simAct{do: simAdd, target: -1, specs: []simSpec{p.admission(p.spec())}})
	case 6, 7, 8, 9:
		p.about1(simRemove)
	case 10, 11, 12:
		p.about1(simGet)
	case 13:
		p.act(pick(p.Rand, simAct{do: simList}, simAct{do: simList}, simAct{do: simPurge, name: pick(p.Rand, "s", "t")}))
	case 14, 15, 16:
		p.adds = append(p.adds, len(p.plan.acts))
		p.act(simAct{do: simReplace, target: -1, patience: p.patience(), specs: []simSpec{p.admission(p.spec())}})
	default:
		p.about1(simWait)
	}
}

// about1 appends an act about one task.
func (p *simPlanner) about1(do simVerb) {
	a := simAct{do: do, name: p.name(), target: -1, patience: p.patience()}
	if p.IntN(3) == 0 && len(p.adds) > 0 {
		a.target = pick(p.Rand, p.adds...)
	}
	if do == simRemove {
		a.grace = pick(p.Rand, 0, 3*ms, 300*ms, 30_000*ms)
		if a.grace > 0 {
			a.grace = p.about(a.grace)
		}
	}
	p.act(a)
}

func (p *simPlanner) batch() {
	a := simAct{do: simRunBatch, patience: p.patience()}
	for range 1 + p.IntN(3) {
		a.specs = append(a.specs, p.spec())
	}
	p.act(a)
}

func (p *simPlanner) patience() time.Duration {
	if p.IntN(4) > 0 {
		return 0
	}
	return p.about(pick(p.Rand, 0, 2*ms, 200*ms, 20_000*ms))
}

// name returns one of a few names. The seed is part of it, so that the message of a crash tells it.
func (p *simPlanner) name() string {
	names := 4
	if p.plan.crowd || p.slot {
		names = 8
	}
	return fmt.Sprintf("%c.%d", 'a'+rune(p.IntN(names)), p.seed)
}

func (p *simPlanner) spec() simSpec {
	s := simSpec{Spec: Spec{Name: p.name(), Timeout: pick(p.Rand, 0, 0, None, 51*ms, 5001*ms)}}
	if s.Timeout > 0 {
		s.Timeout = p.about(s.Timeout)
	}
	if !p.plan.crowd && p.IntN(4) == 0 {
		s.HeartbeatTimeout = p.about(pick(p.Rand, 600*ms, 6000*ms))
	}
	s.Restart, s.Backoff = p.restart(), p.backoff()
	if p.IntN(3) == 0 {
		s.closes = ms + p.about(pick(p.Rand, 0, 30*ms, 3000*ms, 300_000*ms))
	}
	for range p.IntN(8) {
		s.steps = append(s.steps, p.step())
	}
	last := p.step() // which may be played for a long time to come
	last.work = pick(p.Rand, ms+p.about(20_000*ms), forever)
	s.steps = append(s.steps, last)
	return s
}

// admission gives specs a slot that they share.
func (p *simPlanner) admission(s simSpec) simSpec {
	if p.slot && p.IntN(6) > 0 {
		s.Admission = Admission{Slot: pick(p.Rand, "s", "s", "t"), Policy: pick(p.Rand, 0, AdmitQueue, AdmitQueue, AdmitReplace, DropIfRunning)}
	}
	return s
}

func (p *simPlanner) restart() RestartPolicy {
	r := RestartPolicy{Mode: pick(p.Rand, RestartNever, RestartOnFailure, 0, RestartAlways, RestartAlways)}
	if p.IntN(4) == 0 {
		r.Schedule = p.schedule()
	}
	if r.Mode == RestartAlways && r.Schedule == nil {
		r.Interval = pick(p.Rand, 0, None, 10*ms, 1000*ms)
	}
	if r.Mode != RestartNever {
		r.MaxRetries = pick[uint32](p.Rand, 0, 0, 1, 2, 5)
		r.Limit = pick(p.Rand, RestartLimit{}, RestartLimit{}, RestartLimit{2, time.Second}, RestartLimit{3, 10 * time.Second}, RestartLimit{6, time.Minute})
	}
	return r
}

// schedule returns one with times before, during and after the acts; it may be over before its task is added.
func (p *simPlanner) schedule() Schedule {
	return simSchedule{
		first: p.about(pick(p.Rand, 0, 100*ms, 10_000*ms)), period: ms + p.about(pick(p.Rand, 10*ms, 1000*ms, 30_000*ms, 3_000_000*ms)),
		n: pick(p.Rand, 1, 3, 30, 1000, 1_000_000_000),
	}
}

func (p *simPlanner) backoff() BackoffPolicy {
	if p.plan.crowd {
		return BackoffPolicy{
			First: pick(p.Rand, None, 1*ms, 2*ms), Max: 4 * ms, Jitter: pick(p.Rand, JitterNone, JitterFull, JitterEqual, JitterDecorrelated),
			ResetAfter: pick(p.Rand, None, 2*ms),
		}
	}
	return BackoffPolicy{
		First: pick(p.Rand, None, p.about(1*ms), p.about(100*ms), p.about(1000*ms)), Max: p.about(pick(p.Rand, 1001*ms, 30_000*ms)),
		Factor: pick[float64](p.Rand, 1, 2, 2, 3), Jitter: JitterNone, ResetAfter: pick(p.Rand, None, 100*ms, 10_000*ms),
	}
}

func (p *simPlanner) step() simStep {
	s := simStep{
		work: p.about(pick(p.Rand, 0, 2*ms, 20*ms, 200*ms, 2000*ms, 20_000*ms)),
		deaf: pick(p.Rand, 0, 0, 0, 4*ms, 400*ms, 40_000*ms),
		end:  pick(p.Rand, simGood, simGood, simGood, simBoom, simBoom, simBoom, simExit, simHint, simPanic, simGoexit, simDead, simSelf, simLeaves),
		late: pick(p.Rand, simObeys, simObeys, simGood, simBoom, simExit, simDead, simPanic, simGoexit),
	}
	if s.deaf > 0 {
		s.deaf = p.about(s.deaf)
	}
	s.beats = p.IntN(2) == 0
	switch p.IntN(8) {
	case 0:
		s.work = forever
	case 1:
		if p.plan.config.MaxConcurrent == 0 { // else lives meet at the moment when one hands its permit to the other
			s.work = 0
		}
	}
	return s
}
