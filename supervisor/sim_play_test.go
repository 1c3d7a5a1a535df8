package supervisor

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"
)

// simRun plays a plan on the engine, in a bubble.
type simRun struct {
	*rig
	plan    *simPlan
	calls   sync.WaitGroup
	replies []simAnswer
	uids    []atomic.Pointer[UID] // of the life that each act added
	events  []Event               // all of the log
	bodies  atomic.Int32          // that run
	alive   sync.Map              // name → *atomic.Int32: bodies that run
	closing sync.Map              // id of a life → *simClosing: its body, if that has to be closed
}

// simAnswer is what an act got from the engine.
type simAnswer struct {
	at   time.Duration
	err  error
	snap Snapshot
	list []Snapshot
	n    string // of PurgeSlot
}

// simBody is the body of one life. It goes by the plan, and watches that no more bodies run than may.
type simBody struct {
	run  *simRun
	spec *simSpec
}

// simClosing is the body of a life that has something to close.
type simClosing struct {
	simBody
	running, closed atomic.Int32
}

func (b *simClosing) Run(ctx context.Context) error {
	b.running.Add(1)
	defer b.running.Add(-1)
	return b.simBody.Run(ctx)
}

func (b *simClosing) Close() error {
	if b.running.Load() != 0 {
		b.run.t.Errorf("the body of %q is closed while it runs", b.spec.Name)
	}
	if b.closed.Add(1) != 1 {
		b.run.t.Errorf("the body of %q is closed twice", b.spec.Name)
	}
	time.Sleep(b.spec.closes)
	return nil
}

// checkClosed checks that what has run is closed.
func (r *simRun) checkClosed() {
	for i := range r.events {
		if e := &r.events[i]; e.Kind == TaskStarting && e.Attempt == 1 {
			if body, ok := r.closing.Load(e.Labels["id"]); ok && body.(*simClosing).closed.Load() != 1 {
				r.t.Errorf("the body of %q is not closed", e.Task)
			}
		}
	}
}

func (b *simBody) Run(ctx context.Context) error {
	r := b.run
	defer r.enter(b.spec.Name)()
	info, _ := Attempt(ctx)
	s := b.spec.step(info.Attempt)
	if s.beats && b.spec.HeartbeatTimeout > 0 {
		defer beat(ctx, b.spec.HeartbeatTimeout/2)()
	}
	end, late := s.end.do, s.late.do
	if s.end == simLeaves {
		end = func(ctx context.Context) error {
			r.calls.Go(func() { _, _ = r.Remove(context.Background(), ByUID(info.UID), 0) })
			return step{work: forever, deaf: s.deaf, late: late}.play(ctx)
		}
	}
	return step{work: s.work, deaf: s.deaf, end: end, late: late}.play(ctx)
}

// beat gives signs of life until it is canceled, or the returned function is called.
func beat(ctx context.Context, each time.Duration) (stop func()) {
	ctx, stop = context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(each)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				Heartbeat(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
	return stop
}

// enter counts a body that runs. The returned function ends that.
func (r *simRun) enter(name string) (leave func()) {
	if n := int(r.bodies.Add(1)); r.plan.config.MaxConcurrent > 0 && n > r.plan.config.MaxConcurrent {
		r.t.Errorf("%d bodies run", n)
	}
	counter, _ := r.alive.LoadOrStore(name, new(atomic.Int32))
	alive := counter.(*atomic.Int32)
	if alive.Add(1) > 1 {
		r.t.Errorf("two bodies of %q run", name)
	}
	return func() {
		alive.Add(-1)
		r.bodies.Add(-1)
	}
}

// play does all acts and waits until everything is over.
func (r *simRun) play() {
	r.replies = make([]simAnswer, len(r.plan.acts))
	r.uids = make([]atomic.Pointer[UID], len(r.plan.acts))
	r.calls.Go(func() { r.events = r.follow() })
	if r.plan.crowd { // others look as well, and are in the way of whoever needs a lock
		for range 4 {
			r.calls.Go(func() { r.follow() })
		}
	}
	for i := range r.plan.acts {
		a := &r.plan.acts[i]
		time.Sleep(time.Until(r.began.Add(a.at)))
		r.calls.Go(func() { r.do(i, a) })
	}
	r.calls.Wait()
	time.Sleep(time.Hour) // bodies that the shutdown abandoned return
	synctest.Wait()
}

func (r *simRun) do(i int, a *simAct) {
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if a.patience > 0 {
		ctx, cancel = context.WithTimeout(ctx, a.patience)
	}
	defer cancel()
	ref := ByName(a.name)
	if a.target >= 0 {
		ref = ByUID(UID{1}) // nobody, unless the act that it refers to was a success
		if uid := r.uids[a.target].Load(); uid != nil {
			ref = ByUID(*uid)
		}
	}
	out := &r.replies[i]
	switch a.do {
	case simAdd:
		out.snap, out.err = r.Add(ctx, r.spec(i, 0))
		if out.err == nil {
			r.uids[i].Store(&out.snap.UID)
		}
	case simReplace:
		out.snap, out.err = r.Replace(ctx, r.spec(i, 0))
		if out.err == nil {
			r.uids[i].Store(&out.snap.UID)
		}
	case simRemove:
		out.snap, out.err = r.Remove(ctx, ref, a.grace)
	case simGet:
		out.snap, out.err = r.Get(ref)
	case simWait:
		out.snap, out.err = r.Wait(ctx, ref)
	case simList:
		out.list = r.List(ListOptions{})
	case simPurge:
		out.n = strconv.Itoa(r.PurgeSlot(a.name))
	case simShutdown:
		out.err = r.Shutdown(ctx)
	case simRunBatch:
		var specs []Spec
		for k := range a.specs {
			specs = append(specs, r.spec(i, k))
		}
		out.err = r.Run(ctx, specs...)
	}
	out.at = time.Since(r.began)
}

// spec returns the spec of one life that an act begins. Its label tells which.
func (r *simRun) spec(act, k int) Spec {
	s := &r.plan.acts[act].specs[k]
	spec := s.Spec
	spec.Labels = map[string]string{"id": strconv.Itoa(10*act + k + 1)}
	spec.Task = &simBody{r, s}
	if s.closes > 0 {
		body := &simClosing{simBody: simBody{r, s}}
		r.closing.Store(spec.Labels["id"], body)
		spec.Task = body
	}
	return spec
}

// follow reads the log to its end. After each event the state must be at least what the event tells of.
func (r *simRun) follow() (events []Event) {
	reader, err := r.Read(Cursor{Epoch: r.epoch})
	if err != nil {
		r.t.Error(err)
		return nil
	}
	for buf := make([]Event, 8); ; {
		n, gap, err := reader.Next(context.Background(), buf)
		if err != nil {
			if !errors.Is(err, ErrClosed) {
				r.t.Error(err)
			}
			return events
		}
		if !gap.IsZero() {
			r.t.Errorf("the reader lost %d events", gap.Count())
		}
		for i := range buf[:n] {
			events = append(events, buf[i])
			if buf[i].Task != "" {
				r.committed(&buf[i])
			}
		}
	}
}

// committed checks that what an event about a task tells of is so.
func (r *simRun) committed(e *Event) {
	snap, err := r.Get(ByUID(e.UID))
	if err != nil {
		return // over, and no longer kept
	}
	if snap.Sequence < e.Sequence || snap.Sequence == e.Sequence && !e.agrees(&snap) {
		r.t.Errorf("after event %d, %s: %s", e.Sequence, word(e), simStateOf(&snap, r.began))
	}
	if holder, err := r.Get(ByName(e.Task)); e.Kind == TaskRemoved && err == nil && holder.UID == e.UID {
		r.t.Errorf("the name is taken after %s", word(e))
	}
}

// agrees reports whether a snapshot is what the event, the last of its task, leaves behind.
func (e *Event) agrees(s *Snapshot) bool {
	switch e.Kind {
	case TaskStarting:
		return s.State == StateRunning && s.Attempt == e.Attempt && s.StartTime.Equal(e.Time) || s.State == StateStopping // a shutdown says nothing about each
	case TimeoutHit:
		return s.State == StateStopping && s.Attempt == e.Attempt
	case GraceExceeded:
		return s.State == StateStuck && s.Attempt == e.Attempt || s.Outcome == OutcomeAbandoned // after which nothing is logged
	case TaskRemoveRequested:
		return s.State == StateStopping || s.State == StateStuck
	case BackoffScheduled:
		// The time of the next attempt is gone as soon as that is due.
		return s.State == StateBackoff && (s.NextAttempt.IsZero() || s.NextAttempt.Equal(e.Time.Add(e.Delay))) ||
			s.State == StateStopping || s.State == StateWaiting
	case TaskStopped, TaskFailed, ActorExhausted, ActorDead: // unless the body is to be closed now, another event follows under the same lock
		return CloserOf(s.Spec.Task) != nil && (s.State == StateStopping || s.State == StateStuck)
	case TaskRemoved:
		return s.State == StateFinished && s.FinishTime.Equal(e.Time) && s.Outcome == e.Outcome
	case TaskAdded:
		return s.State == StateWaiting || s.State == StateStopping
	case ControllerSubmitted:
		return s.State == StateQueued
	case ControllerSlotTransition:
		return s.State != StateQueued
	}
	return false // another event follows under the same lock
}

// simStateOf picks from a snapshot what is compared.
func simStateOf(s *Snapshot, began time.Time) simState {
	since := func(t time.Time) time.Duration {
		if t.IsZero() {
			return 0
		}
		return t.Sub(began)
	}
	out := simState{
		state: s.State, attempt: s.Attempt, streak: s.FailureStreak, created: since(s.CreateTime), started: since(s.StartTime),
		planned: since(s.NextAttempt), finished: since(s.FinishTime), outcome: s.Outcome,
	}
	if s.LastError != nil {
		out.reason, out.failed = lastPart(s.LastError.Reason), since(s.LastError.Time)
	}
	return out
}

// lastPart returns the text behind the last colon: what a body said, without what the engine says before it.
func lastPart(text string) string {
	return text[strings.LastIndex(text, ": ")+1+min(1, strings.Count(text, ": ")):]
}

// shortReason returns the last part of a reason, and of a replacement only that it is one.
func shortReason(text string) string {
	if strings.HasPrefix(text, "replaced by task ") || strings.HasPrefix(text, "to be replaced by ") {
		return "replaced"
	}
	return lastPart(text)
}

func simEventOf(e *Event, began time.Time) simEvent {
	reason := shortReason(e.Reason)
	switch {
	case e.Rejection != 0:
		reason = e.Rejection.String()
	case e.Outcome == OutcomeRejected, e.Kind == GraceExceeded:
		reason = ""
	}
	return simEvent{
		at: e.Time.Sub(began), kind: e.Kind, attempt: e.Attempt, d: e.Duration + e.Timeout + e.Delay, source: e.Source,
		outcome: e.Outcome, simCode: simCode{e.ExitCode, e.HasExitCode}, depth: e.Depth, reason: reason,
	}
}

// lives cuts the log into lives, by the ids of the model. The log about the supervisor has the id 0.
func (r *simRun) lives() (logs map[int][]simEvent, ids map[UID]int) {
	logs, ids = map[int][]simEvent{}, map[UID]int{{}: 0}
	for i := range r.events {
		e := &r.events[i]
		if e.Kind == TaskAddRequested {
			id, err := strconv.Atoi(e.Labels["id"])
			if err != nil {
				r.t.Error(err)
			}
			ids[e.UID] = id
		}
		if e.Kind == ControllerSlotTransition {
			continue // it follows from the others, and the grammar knows how
		}
		told := simEventOf(e, r.began)
		id := ids[e.UID]
		logs[id] = append(logs[id], told)
	}
	return logs, ids
}

// reply brings an answer into the form of the model.
func (r *simRun) reply(a *simAnswer, ids map[UID]int) simReply {
	out := simReply{at: a.at, err: simError(a.err), life: ids[a.snap.UID]}
	if !a.snap.UID.IsZero() {
		out.simState = simStateOf(&a.snap, r.began)
	}
	var taken *TaskError
	if errors.Is(out.err, ErrTaskExists) && errors.As(a.err, &taken) {
		out.life = ids[taken.UID]
	}
	var names []string
	for i := range a.list {
		names = append(names, a.list[i].Spec.Name+" "+a.list[i].State.String())
	}
	var stuck *StuckError
	if errors.As(a.err, &stuck) {
		for i := range stuck.Tasks {
			names = append(names, stuck.Tasks[i].Spec.Name)
		}
	}
	out.list = strings.Join(names, ", ") + a.n
	return out
}

// compare compares what happened with what the model says.
func (r *simRun) compare(m *simModel) {
	logs, ids := r.lives()
	for i := range r.plan.acts {
		if got, want := r.reply(&r.replies[i], ids), m.replies[i]; got != want {
			r.t.Errorf("act %d, %s\n got %s\nwant %s", i, &r.plan.acts[i], got, want)
		}
	}
	diff(r.t, diffWhole{}, logs[0], m.log)
	for _, l := range m.lives {
		diff(r.t, &l.simSpec, logs[l.id], l.log)
		delete(logs, l.id)
	}
	delete(logs, 0)
	for id := range logs {
		r.t.Errorf("the engine has a life %d that the model does not know", id)
	}
}

// checkOver checks that nothing is left of tasks that have ended, and no permit lost.
func (r *simRun) checkOver() {
	for _, snap := range r.List(ListOptions{}) {
		r.t.Errorf("%q is listed as %s", snap.Spec.Name, snap.State)
	}
	kept := 0
	for i := range r.events {
		if r.events[i].Kind == TaskAddRequested && r.config.RetainedAge >= time.Hour {
			kept++
		}
	}
	if kept = min(kept, max(r.config.RetainedTasks, 0)); len(r.byName) != 0 || len(r.byUID) != kept || len(r.retained.tasks) != kept {
		r.t.Errorf("%d names and %d lives are left, want %d lives", len(r.byName), len(r.byUID), kept)
	}
	if n := r.config.MaxConcurrent; n > 0 && !r.permits.TryAcquire(int64(n)) {
		r.t.Error("permits are lost")
	}
	r.checkCounts()
	r.checkClosed()
	if len(r.slots) != 0 {
		r.t.Errorf("%d slots are owned", len(r.slots))
	}
	if len(r.replacements) != 0 {
		r.t.Errorf("%d replacements wait", len(r.replacements))
	}
	if n := r.bodies.Load(); n != 0 {
		r.t.Errorf("%d bodies run", n)
	}
}
