package server

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/cron"
)

// checkEnum walks an enum both ways: each value of the engine has one of the wire, of the same name, and each of the wire has one of the
// engine. The engine names a value that it does not have Type(n).
func checkEnum[E interface {
	~uint8
	String() string
}, W interface {
	~int32
	protoreflect.Enum
}](t *testing.T, table []W) {
	t.Helper()
	engine := map[string]bool{}
	for e := E(1); !strings.Contains(e.String(), "("); e++ {
		w := toWire(table, e)
		name := wireName(w)
		if name != e.String() {
			t.Errorf("%v becomes %v", e, name)
		}
		if back := toEngine[E](table, w); back != e {
			t.Errorf("%v comes back as %v", e, back)
		}
		engine[name] = true
	}
	if len(engine) != len(table)-1 {
		t.Errorf("the engine has %d values, the table %d", len(engine), len(table)-1)
	}
	var zero W
	values := zero.Descriptor().Values()
	for i := range values.Len() {
		w := W(values.Get(i).Number())
		if w != 0 && !engine[wireName(w)] {
			t.Errorf("the engine does not have %v", wireName(w))
		}
	}
	if got := toWire(table, E(255)); got != 0 {
		t.Errorf("an unknown value becomes %v", got)
	}
	if got := toEngine[E](table, W(99)); got != 0 {
		t.Errorf("an unknown value becomes %v", got)
	}
}

// wireName returns the name of a value without the prefix that all values of its enum share.
func wireName(value protoreflect.Enum) string {
	values := value.Descriptor().Values()
	prefix := strings.TrimSuffix(string(values.Get(0).Name()), "UNSPECIFIED")
	return strings.TrimPrefix(string(values.ByNumber(value.Number()).Name()), prefix)
}

func TestEnumsAreCompleteBothWays(t *testing.T) {
	t.Run("Kind", func(t *testing.T) { checkEnum[supervisor.Kind](t, wireKinds[:]) })
	t.Run("State", func(t *testing.T) { checkEnum[supervisor.State](t, wireStates[:]) })
	t.Run("Outcome", func(t *testing.T) { checkEnum[supervisor.Outcome](t, wireOutcomes[:]) })
	t.Run("BackoffSource", func(t *testing.T) { checkEnum[supervisor.BackoffSource](t, wireSources[:]) })
	t.Run("AdmissionPolicy", func(t *testing.T) { checkEnum[supervisor.AdmissionPolicy](t, wirePolicies[:]) })
	t.Run("SlotState", func(t *testing.T) { checkEnum[supervisor.SlotState](t, wireSlotStates[:]) })
	t.Run("Rejection", func(t *testing.T) { checkEnum[supervisor.Rejection](t, wireRejections[:]) })
	t.Run("OutputStream", func(t *testing.T) { checkEnum[supervisor.OutputStream](t, wireStreams[:]) })
	t.Run("RestartMode", func(t *testing.T) { checkEnum[supervisor.RestartMode](t, wireModes[:]) })
	t.Run("Jitter", func(t *testing.T) { checkEnum[supervisor.Jitter](t, wireJitters[:]) })
}

// wireEvent names, for each field of the engine's events, the fields of the wire that it sets.
var wireEvent = map[supervisor.Fields][]protoreflect.Name{
	supervisor.FieldTask:     {"task", "uid"},
	supervisor.FieldAttempt:  {"attempt"},
	supervisor.FieldDuration: {"duration"},
	supervisor.FieldTimeout:  {"timeout"},
	supervisor.FieldDelay:    {"delay"},
	supervisor.FieldReason:   {"reason"},
	supervisor.FieldExitCode: {"exit_code"},
	supervisor.FieldSource:   {"backoff_source"},
	supervisor.FieldOutcome:  {"outcome"},

	supervisor.FieldSlot:       {"slot"},
	supervisor.FieldRejection:  {"rejection"},
	supervisor.FieldTransition: {"previous_slot_state", "slot_state"},
	supervisor.FieldDepth:      {"queue_depth"},
	supervisor.FieldSubscriber: {"subscriber"},
	supervisor.FieldLost:       {"lost_count"},
	supervisor.FieldLine:       {"stream", "line"},
	supervisor.FieldPrincipal:  {"principal"},
}

// eventToWire returns the event as it is sent, by way of the generated code: appendEvent has to write the same.
func eventToWire(e *supervisor.Event) *pb.Event {
	fields, _ := supervisor.KindFields(e.Kind)
	return &pb.Event{
		Sequence:      e.Sequence,
		Time:          timestamppb.New(e.Time),
		Kind:          toWire(wireKinds[:], e.Kind),
		Task:          validText(e.Task),
		Uid:           e.UID.String(),
		Attempt:       e.Attempt,
		Duration:      durationIf(fields.Has(supervisor.FieldDuration), e.Duration),
		Reason:        validText(e.Reason),
		ExitCode:      exitCodeIf(e.HasExitCode, e.ExitCode),
		Timeout:       durationIf(fields.Has(supervisor.FieldTimeout), e.Timeout),
		Delay:         durationIf(fields.Has(supervisor.FieldDelay), e.Delay),
		BackoffSource: toWire(wireSources[:], e.Source),
		Outcome:       toWire(wireOutcomes[:], e.Outcome),
		Slot:          validText(e.Slot),

		Rejection:         toWire(wireRejections[:], e.Rejection),
		PreviousSlotState: toWire(wireSlotStates[:], e.PreviousSlotState),
		SlotState:         toWire(wireSlotStates[:], e.SlotState),
		QueueDepth:        uint32(e.Depth),
		Subscriber:        validText(e.Subscriber),
		LostCount:         e.Lost,
		Stream:            toWire(wireStreams[:], e.Stream),
		Line:              validText(e.Line),

		Principal: validText(e.Principal),
	}
}

// decodeEvent returns what a client makes of the event.
func decodeEvent(t testing.TB, e *supervisor.Event) *pb.Event {
	t.Helper()
	var m pb.WatchEventsResponse
	if err := proto.Unmarshal(appendEvent(nil, e), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.GetEvents()) != 1 || len(m.GetEvents()[0].ProtoReflect().GetUnknown()) > 0 {
		t.Fatalf("got %v", &m)
	}
	return m.GetEvents()[0]
}

// What is written by hand is what the generated code writes, byte for byte: every field, with values of every size.
func TestEventsAreEncodedAsProtoDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genEvent(t)
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(&pb.WatchEventsResponse{Events: []*pb.Event{eventToWire(&e)}})
		if err != nil {
			t.Fatal(err)
		}
		prefix := []byte("before")
		if got := appendEvent(slices.Clone(prefix), &e); !bytes.Equal(got, append(prefix, want...)) {
			t.Fatalf("%+v is %x, want %x", e, got, want)
		}
	})
}

func TestPositionsAreEncodedAsProtoDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := supervisor.Cursor{Epoch: rapid.StringN(0, 200, -1).Draw(t, "epoch"), Sequence: rapid.Uint64().Draw(t, "sequence")}
		gap := supervisor.Gap{First: rapid.Uint64().Draw(t, "first"), Last: rapid.Uint64().Draw(t, "last")}
		m := &pb.WatchEventsResponse{Cursor: cursorToWire(c)}
		if !gap.IsZero() {
			m.Gap = &pb.Gap{First: gap.First, Last: gap.Last}
		}
		want, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendPosition(nil, c, gap); !bytes.Equal(got, want) {
			t.Fatalf("%v %v is %x, want %x", c, gap, got, want)
		}
	})
}

// No position is larger than the room that is kept for it.
func TestPositionsFit(t *testing.T) {
	c := supervisor.Cursor{Epoch: strings.Repeat("x", 36), Sequence: math.MaxUint64}
	if got := len(appendPosition(nil, c, supervisor.Gap{First: math.MaxUint64, Last: math.MaxUint64})); got > maxPositionSize {
		t.Errorf("%d bytes", got)
	}
}

// genEvent makes events of any kind with any values, also such as the engine never makes.
func genEvent(t *rapid.T) supervisor.Event {
	number := rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(0, 300), rapid.Uint64())
	text := func(label string) string {
		long := rapid.SampledFrom([]int{0, 0, 0, 100, 130, 20_000}).Draw(t, label+" length")
		return strings.Repeat("x", long) + string(rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, label))
	}
	enum := func(label string, values int) uint8 { return uint8(rapid.IntRange(0, values).Draw(t, label)) }
	duration := func(label string) time.Duration { return time.Duration(rapid.Int64().Draw(t, label)) }
	e := supervisor.Event{
		Sequence: number.Draw(t, "sequence"), Kind: supervisor.Kind(enum("kind", len(wireKinds)-1)), Task: text("task"),
		Time:    time.Unix(rapid.Int64Range(-1e10, 1e11).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")),
		Attempt: number.Draw(t, "attempt"), Duration: duration("duration"), Timeout: duration("timeout"), Delay: duration("delay"),
		Reason: text("reason"), ExitCode: rapid.Int32().Draw(t, "exit code"), HasExitCode: rapid.Bool().Draw(t, "has exit code"),
		Source: supervisor.BackoffSource(enum("source", len(wireSources)-1)), Outcome: supervisor.Outcome(enum("outcome", len(wireOutcomes)-1)),
		Slot: text("slot"), Rejection: supervisor.Rejection(enum("rejection", len(wireRejections)-1)),
		PreviousSlotState: supervisor.SlotState(enum("previous slot state", len(wireSlotStates)-1)),
		SlotState:         supervisor.SlotState(enum("slot state", len(wireSlotStates)-1)),
		Depth:             int(rapid.Uint32().Draw(t, "depth")), Subscriber: text("subscriber"), Lost: number.Draw(t, "lost"),
		Stream: supervisor.OutputStream(enum("stream", len(wireStreams)-1)), Line: text("line"), Principal: text("principal"),
	}
	if rapid.Bool().Draw(t, "has uid") {
		copy(e.UID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uid"))
	}
	return e
}

// Each kind of event, with all its fields set, and with those that it must set at zero where zero means something: the wire has just the fields
// that the engine's table lists.
func TestEventsOnTheWireSetWhatTheKindSets(t *testing.T) {
	for kind := supervisor.Kind(1); int(kind) < len(wireKinds); kind++ {
		fieldsOf, sometimes := supervisor.KindFields(kind)
		full := fullEvent(kind, fieldsOf|sometimes)
		checkEventFields(t, decodeEvent(t, &full), fieldsOf|sometimes)
		bare := fullEvent(kind, fieldsOf)
		bare.Duration, bare.Timeout, bare.Delay = 0, 0, 0
		checkEventFields(t, decodeEvent(t, &bare), fieldsOf)
	}
}

func checkEventFields(t *testing.T, e *pb.Event, fields supervisor.Fields) {
	t.Helper()
	want := map[protoreflect.Name]bool{"sequence": true, "time": true, "kind": true}
	for field, names := range wireEvent {
		for _, name := range names {
			want[name] = want[name] || fields.Has(field)
		}
	}
	all := e.ProtoReflect().Descriptor().Fields()
	for i := range all.Len() {
		fd := all.Get(i)
		if has := e.ProtoReflect().Has(fd); has != want[fd.Name()] {
			t.Errorf("%v: field %s set: %t, want %t", e.GetKind(), fd.Name(), has, want[fd.Name()])
		}
	}
}

// fullEvent returns an event of this kind with these fields set.
func fullEvent(kind supervisor.Kind, fields supervisor.Fields) supervisor.Event {
	e := supervisor.Event{Sequence: 1, Time: time.Unix(2, 3), Kind: kind}
	set := func(field supervisor.Fields, do func()) {
		if fields.Has(field) {
			do()
		}
	}
	set(supervisor.FieldTask, func() { e.Task, e.UID = "task", supervisor.UID{4} })
	set(supervisor.FieldAttempt, func() { e.Attempt = 5 })
	set(supervisor.FieldDuration, func() { e.Duration = 6 })
	set(supervisor.FieldTimeout, func() { e.Timeout = 7 })
	set(supervisor.FieldDelay, func() { e.Delay = 8 })
	set(supervisor.FieldReason, func() { e.Reason = "reason" })
	set(supervisor.FieldExitCode, func() { e.ExitCode, e.HasExitCode = 0, true }) // 0 is an exit code too
	set(supervisor.FieldSource, func() { e.Source = supervisor.BackoffAfterFailure })
	set(supervisor.FieldOutcome, func() { e.Outcome = supervisor.OutcomeFatal })
	set(supervisor.FieldSlot, func() { e.Slot = "slot" })
	set(supervisor.FieldRejection, func() { e.Rejection = supervisor.RejectedPurged })
	set(supervisor.FieldTransition, func() { e.PreviousSlotState, e.SlotState = supervisor.SlotOwned, supervisor.SlotIdle })
	set(supervisor.FieldDepth, func() { e.Depth = 9 })
	set(supervisor.FieldSubscriber, func() { e.Subscriber = "subscriber" })
	set(supervisor.FieldLost, func() { e.Lost = 10 })
	set(supervisor.FieldLine, func() { e.Stream, e.Line = supervisor.Stderr, "line" })
	set(supervisor.FieldPrincipal, func() { e.Principal = "principal" })
	return e
}

func TestEventsOnTheWireKeepTheValues(t *testing.T) {
	const all = math.MaxUint32
	e := fullEvent(supervisor.TaskFailed, all)
	e.ExitCode, e.Reason = -1, "bad \xff text"
	got := decodeEvent(t, &e)
	if got.GetSequence() != 1 || !got.GetTime().AsTime().Equal(e.Time) || got.GetTask() != "task" || got.GetUid() != e.UID.String() ||
		got.GetAttempt() != 5 || got.GetDuration().AsDuration() != 6 || got.GetReason() != "bad \uFFFD text" || got.GetExitCode() != -1 ||
		got.GetOutcome() != pb.Outcome_OUTCOME_FATAL || got.GetBackoffSource() != pb.BackoffSource_BACKOFF_SOURCE_FAILURE {
		t.Errorf("got %v", got)
	}
	if got.GetSlot() != "slot" || got.GetRejection() != pb.Rejection_REJECTION_PURGED || got.GetQueueDepth() != 9 ||
		got.GetPreviousSlotState() != pb.SlotState_SLOT_STATE_OWNED || got.GetSlotState() != pb.SlotState_SLOT_STATE_IDLE ||
		got.GetSubscriber() != "subscriber" || got.GetLostCount() != 10 ||
		got.GetStream() != pb.OutputStream_OUTPUT_STREAM_STDERR || got.GetLine() != "line" {
		t.Errorf("got %v", got)
	}
	timeout, backoff := fullEvent(supervisor.TimeoutHit, all), fullEvent(supervisor.BackoffScheduled, all)
	if got := decodeEvent(t, &timeout).GetTimeout().AsDuration(); got != 7 {
		t.Errorf("timeout %v", got)
	}
	if got := decodeEvent(t, &backoff).GetDelay().AsDuration(); got != 8 {
		t.Errorf("delay %v", got)
	}
}

// No field of Task is forgotten: a snapshot with everything set, in each state that shows some of it.
func TestTaskToWireSetsEveryField(t *testing.T) {
	at := time.Unix(1, 2)
	snap := supervisor.Snapshot{
		Spec: supervisor.Spec{Name: "task", Task: &body{nil, &pb.TaskSpec{Name: "task"}, "v1"}}, UID: supervisor.UID{1},
		Attempt: 2, FailureStreak: 3, CreateTime: at, StartTime: at.Add(1), NextAttempt: at.Add(2), FinishTime: at.Add(3),
		LastError: &supervisor.LastError{Err: supervisor.ExitCode(errors.New("x"), 5), Reason: "x\xff", Time: at.Add(4)},
		Outcome:   supervisor.OutcomeFailed, Sequence: 6, Slot: "slot", Reason: "reason", Generation: 7, Progress: "half",
	}
	onlyIn := map[protoreflect.Name]supervisor.State{
		"next_attempt_time": supervisor.StateBackoff, "finish_time": supervisor.StateFinished, "outcome": supervisor.StateFinished,
		"outcome_reason": supervisor.StateFinished,
	}
	for state := supervisor.State(1); int(state) < len(wireStates); state++ {
		snap.State = state
		task := taskToWire(&snap)
		fields := task.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			name := fields.Get(i).Name()
			want := onlyIn[name] == 0 || onlyIn[name] == state
			if name == "slot" {
				want = state != supervisor.StateFinished
			}
			if has := task.ProtoReflect().Has(fields.Get(i)); has != want {
				t.Errorf("%v: field %s set: %t, want %t", state, name, has, want)
			}
		}
		if e := task.GetLastError(); e.GetReason() != "x\uFFFD" || e.GetExitCode() != 5 || !e.GetTime().AsTime().Equal(at.Add(4)) {
			t.Errorf("last error %v", e)
		}
		if task.GetAttempt() != 2 || task.GetFailureStreak() != 3 || task.GetSequence() != 6 || task.GetPluginVersion() != "v1" || task.GetGeneration() != 7 ||
			task.GetSlot() != "slot" && state != supervisor.StateFinished ||
			!task.GetCreateTime().AsTime().Equal(at) || !task.GetStartTime().AsTime().Equal(at.Add(1)) {
			t.Errorf("got %v", task)
		}
	}
}

func TestTaskToWireWithoutWhatIsNotThereYet(t *testing.T) {
	task := taskToWire(&supervisor.Snapshot{Spec: supervisor.Spec{Name: "own"}, State: supervisor.StateWaiting, Slot: "own", Generation: 1})
	want := &pb.Task{Name: "own", Spec: &pb.TaskSpec{Name: "own"}, State: pb.TaskState_TASK_STATE_WAITING, Slot: "own", Generation: 1}
	if !proto.Equal(task, want) {
		t.Errorf("got %v, want %v", task, want)
	}
}

// genDuration makes durations that a spec may have: unset, none, given.
func genDuration() *rapid.Generator[*durationpb.Duration] {
	return rapid.Custom(func(t *rapid.T) *durationpb.Duration {
		if rapid.Bool().Draw(t, "unset") {
			return nil
		}
		return durationpb.New(time.Duration(rapid.Int64Range(0, math.MaxInt64/2).Draw(t, "nanos")))
	})
}

// From the wire to the engine and back: nothing of a spec is lost, as far as the engine has words for it.
func TestSpecsSurviveTheRoundTrip(t *testing.T) {
	var zones cron.Zones
	rapid.Check(t, func(t *rapid.T) {
		duration := func(label string) *durationpb.Duration { return genDuration().Draw(t, label) }
		spec := &pb.TaskSpec{
			Name: rapid.StringMatching(`[a-z0-9]([a-zA-Z0-9._/-]{0,10}[a-z0-9])?`).Draw(t, "name"),
			Restart: &pb.RestartPolicy{
				Mode: pb.RestartMode(rapid.Int32Range(0, 3).Draw(t, "mode")), Interval: duration("interval"),
				MaxRetries: rapid.Uint32().Draw(t, "retries"), Schedule: rapid.SampledFrom([]string{"", "@daily", "*/5 2 * jan 1-5"}).Draw(t, "schedule"),
			},
			Backoff: &pb.BackoffPolicy{
				First: duration("first"), Max: duration("max"), Factor: rapid.Float64().Draw(t, "factor") + 0, // not -0, of which proto.Clone makes 0
				Jitter: pb.Jitter(rapid.Int32Range(0, 4).Draw(t, "jitter")), ResetAfter: duration("reset"),
			},
			Timeout:          duration("timeout"),
			HeartbeatTimeout: duration("heartbeat"),
			Admission:        &pb.Admission{Slot: rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "slot"), Policy: pb.AdmissionPolicy(rapid.Int32Range(0, 3).Draw(t, "policy"))},
			CaptureOutput:    rapid.Bool().Draw(t, "capture"),
			Labels:           rapid.MapOf(rapid.StringMatching(`[a-z]{1,3}`), rapid.StringMatching(`[a-z]{0,3}`)).Draw(t, "labels"),
		}
		if spec.GetRestart().GetSchedule() != "" {
			spec.Restart.TimeZone = rapid.SampledFrom([]string{"", "Europe/Berlin", "Etc/GMT+5"}).Draw(t, "zone")
		}
		if rapid.Bool().Draw(t, "limited") {
			spec.Restart.Limit = &pb.RestartLimit{Count: rapid.Uint32Min(1).Draw(t, "count"), Window: durationpb.New(time.Second)}
		}
		if isZero(spec.GetBackoff().GetMax()) {
			spec.Backoff.Max = nil // to the engine that is the same; it is refused or has no effect
		}
		var v violations
		engine := specToEngine(spec, &zones, &v)
		if v != nil {
			t.Fatalf("violations: %v", v)
		}
		want := proto.CloneOf(spec)
		want.Restart, want.Backoff = orNil(want.Restart), orNil(want.Backoff)
		if got := engineSpecToWire(&engine); !proto.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// No field of a spec is forgotten on its way to the engine: each one that is set makes a difference there, except those that plugins take.
func TestEachFieldOfASpecReachesTheEngine(t *testing.T) {
	elsewhere := map[protoreflect.Name]string{
		"plugin": "chooses the body", "config": "makes the body",
	}
	var v violations
	var zones cron.Zones
	wireOf := func(spec *pb.TaskSpec) *pb.TaskSpec { return engineSpecToWire(ptr(specToEngine(spec, &zones, &v))) }
	for _, path := range leaves((&pb.TaskSpec{}).ProtoReflect().Descriptor(), nil) {
		if elsewhere[path[0].Name()] != "" {
			continue
		}
		without := &pb.TaskSpec{}
		if path[len(path)-1].Name() == "time_zone" {
			without.Restart = &pb.RestartPolicy{Schedule: "@daily"}
		}
		spec := proto.CloneOf(without)
		setLeaf(spec.ProtoReflect(), path)
		if proto.Equal(wireOf(spec), wireOf(without)) {
			t.Errorf("field %v makes no difference", path)
		}
	}
}

func ptr[T any](value T) *T { return &value }

// leaves returns the paths of all fields that are no messages of this contract.
func leaves(m protoreflect.MessageDescriptor, above []protoreflect.FieldDescriptor) (paths [][]protoreflect.FieldDescriptor) {
	for i := range m.Fields().Len() {
		fd := m.Fields().Get(i)
		path := slices.Concat(above, []protoreflect.FieldDescriptor{fd})
		if inner := fd.Message(); inner != nil && inner.ParentFile().Package() == "taskvisor.v1" && !fd.IsMap() {
			paths = append(paths, leaves(inner, path)...)
		} else {
			paths = append(paths, path)
		}
	}
	return paths
}

func setLeaf(m protoreflect.Message, path []protoreflect.FieldDescriptor) {
	fd := path[0]
	switch {
	case len(path) > 1:
		setLeaf(m.Mutable(fd).Message(), path[1:])
	case fd.IsMap():
		m.Mutable(fd).Map().Set(protoreflect.ValueOfString("a").MapKey(), protoreflect.ValueOfString("b"))
	case fd.Kind() == protoreflect.MessageKind:
		m.Set(fd, protoreflect.ValueOfMessage(durationpb.New(time.Second).ProtoReflect()))
	case fd.Kind() == protoreflect.EnumKind:
		m.Set(fd, protoreflect.ValueOfEnum(1))
	case fd.Name() == "schedule":
		m.Set(fd, protoreflect.ValueOfString("@daily"))
	case fd.Name() == "time_zone":
		m.Set(fd, protoreflect.ValueOfString("Etc/GMT+5"))
	case fd.Kind() == protoreflect.StringKind:
		m.Set(fd, protoreflect.ValueOfString("x"))
	case fd.Kind() == protoreflect.Uint32Kind:
		m.Set(fd, protoreflect.ValueOfUint32(1))
	case fd.Kind() == protoreflect.BoolKind:
		m.Set(fd, protoreflect.ValueOfBool(true))
	case fd.Kind() == protoreflect.DoubleKind:
		m.Set(fd, protoreflect.ValueOfFloat64(3))
	}
}

func TestExitCodeOf(t *testing.T) {
	if code, ok := exitCodeOf(supervisor.ExitCode(context.Canceled, -5)); !ok || code != -5 {
		t.Errorf("got %d, %t", code, ok)
	}
	if _, ok := exitCodeOf(nil); ok {
		t.Error("nil has an exit code")
	}
}

func TestObjectToWire(t *testing.T) {
	if _, err := objectToWire([]byte("[]")); err == nil {
		t.Error("a list was taken for an object")
	}
	if got, err := objectToWire(nil); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
	want := must(structpb.NewStruct(map[string]any{"a": []any{1.5, nil, "x", true}}))
	if got, err := objectToWire([]byte(`{"a":[1.5,null,"x",true]}`)); err != nil || !proto.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}
