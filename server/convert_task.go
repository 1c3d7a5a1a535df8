package server

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/cron"
)

// body is a task body that knows what it was made of, so that the state of the engine is all that is needed to answer ListTasks.
type body struct {
	supervisor.Task
	spec    *pb.TaskSpec // as the caller gave it, with the name filled in; never changed
	version string       // of the plugin
}

// Unwrap lets the engine find what the body of the plugin can do besides Run.
func (b *body) Unwrap() supervisor.Task { return b.Task }

// taskToWire returns the task as it is sent. The spec is shared with the task and must not be changed.
func taskToWire(snap *supervisor.Snapshot) *pb.Task {
	finished := snap.State == supervisor.StateFinished
	spec, version := specOf(snap)
	return &pb.Task{
		Name:            validText(snap.Spec.Name),
		Uid:             snap.UID.String(),
		Spec:            spec,
		State:           toWire(wireStates[:], snap.State),
		Attempt:         snap.Attempt,
		FailureStreak:   snap.FailureStreak,
		CreateTime:      timeIf(!snap.CreateTime.IsZero(), snap.CreateTime),
		StartTime:       timeIf(!snap.StartTime.IsZero(), snap.StartTime),
		NextAttemptTime: timeIf(snap.State == supervisor.StateBackoff, snap.NextAttempt),
		FinishTime:      timeIf(finished, snap.FinishTime),
		LastError:       lastErrorToWire(snap.LastError),
		Outcome:         outcomeIf(finished, snap.Outcome),
		Sequence:        snap.Sequence,
		Slot:            taskSlot(snap),
		Generation:      snap.Generation,
		PluginVersion:   version,
		OutcomeReason:   reasonIf(finished, snap.Reason),
		Progress:        snap.Progress,
	}
}

// taskSlot: a life that has ended neither owns a slot nor waits for one.
func taskSlot(snap *supervisor.Snapshot) string {
	if snap.State == supervisor.StateFinished {
		return ""
	}
	return validText(snap.Slot)
}

// outcomeIf: the engine has an outcome for a stuck task that its shutdown abandoned; on the wire only a finished one has.
func outcomeIf(finished bool, outcome supervisor.Outcome) pb.Outcome {
	if !finished {
		return pb.Outcome_OUTCOME_UNSPECIFIED
	}
	return toWire(wireOutcomes[:], outcome)
}

func reasonIf(finished bool, reason string) string {
	if !finished {
		return ""
	}
	return validText(reason)
}

func lastErrorToWire(e *supervisor.LastError) *pb.TaskError {
	if e == nil {
		return nil
	}
	code, ok := exitCodeOf(e.Err)
	return &pb.TaskError{
		Reason:   validText(e.Reason),
		ExitCode: exitCodeIf(ok, code),
		Time:     timeIf(!e.Time.IsZero(), e.Time),
	}
}

// exitCodeOf looks for the exit code in an error that a body returned. Its methods are code of the body, run by a caller that only wants a
// list: if they panic, there is no exit code.
func exitCodeOf(err error) (code int32, ok bool) {
	defer func() {
		if recover() != nil {
			code, ok = 0, false
		}
	}()
	n, ok := supervisor.ExitCodeOf(err)
	return int32(n), ok // it was an int32 all the time
}

// specOf returns the spec that the task was added with, and the version of its plugin.
func specOf(snap *supervisor.Snapshot) (spec *pb.TaskSpec, version string) {
	if b, ok := snap.Spec.Task.(*body); ok {
		return b.spec, b.version
	}
	return engineSpecToWire(&snap.Spec), ""
}

// engineSpecToWire describes a task that the program of the server added by itself, past AddTask, in words of the contract. It has no
// plugin.
func engineSpecToWire(s *supervisor.Spec) *pb.TaskSpec {
	return &pb.TaskSpec{
		Name:          validText(s.Name),
		Plugin:        "",
		Config:        nil,
		Restart:       restartToWire(&s.Restart),
		Backoff:       backoffToWire(&s.Backoff),
		Timeout:       durationOrDefault(s.Timeout),
		Labels:        labelsToWire(s.Labels),
		Admission:     admissionToWire(&s.Admission),
		CaptureOutput: s.CaptureOutput,

		HeartbeatTimeout: durationOrDefault(s.HeartbeatTimeout),
	}
}

func admissionToWire(a *supervisor.Admission) *pb.Admission {
	return orNil(&pb.Admission{Slot: validText(a.Slot), Policy: toWire(wirePolicies[:], a.Policy)})
}

func restartToWire(p *supervisor.RestartPolicy) *pb.RestartPolicy {
	return orNil(&pb.RestartPolicy{
		Mode:       toWire(wireModes[:], p.Mode),
		Interval:   durationOrDefault(p.Interval),
		MaxRetries: p.MaxRetries,
		Limit:      limitToWire(&p.Limit),
		Schedule:   expressionOf(p.Schedule),
		TimeZone:   zoneOf(p.Schedule),
	})
}

// expressionOf returns the cron expression of a schedule; nothing for one of another kind, for which the contract has no words.
func expressionOf(s supervisor.Schedule) string {
	if c, ok := s.(*cron.Schedule); ok {
		return validText(c.String())
	}
	return ""
}

// zoneOf returns the time zone of a schedule, unless that is the default.
func zoneOf(s supervisor.Schedule) string {
	if c, ok := s.(*cron.Schedule); ok && c.Zone() != time.UTC {
		return validText(c.Zone().String())
	}
	return ""
}

func limitToWire(l *supervisor.RestartLimit) *pb.RestartLimit {
	return orNil(&pb.RestartLimit{Count: l.Count, Window: durationOrDefault(l.Window)})
}

func backoffToWire(p *supervisor.BackoffPolicy) *pb.BackoffPolicy {
	return orNil(&pb.BackoffPolicy{
		First:      durationOrDefault(p.First),
		Max:        durationOrDefault(p.Max),
		Factor:     p.Factor,
		Jitter:     toWire(wireJitters[:], p.Jitter),
		ResetAfter: durationOrDefault(p.ResetAfter),
	})
}

// durationOrDefault is the inverse of violations.durationOrNone.
func durationOrDefault(d time.Duration) *durationpb.Duration {
	switch d {
	case 0:
		return nil
	case supervisor.None:
		return durationpb.New(0)
	default:
		return durationpb.New(d)
	}
}

func labelsToWire(labels map[string]string) map[string]string {
	valid := make(map[string]string, len(labels))
	for key, value := range labels {
		valid[validText(key)] = validText(value)
	}
	return valid
}

// orNil returns nil for a message that says nothing.
func orNil[M any, P interface {
	*M
	proto.Message
}](m P) P {
	if proto.Size(m) == 0 {
		return nil
	}
	return m
}
