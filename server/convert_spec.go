package server

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/cron"
)

// specToEngine returns the spec in words of the engine, without a body, and adds what cannot be put into those to v. Rules that the engine
// checks are left to it.
func specToEngine(s *pb.TaskSpec, zones *cron.Zones, v *violations) supervisor.Spec {
	return supervisor.Spec{
		Name:    s.GetName(),
		Task:    nil, // made by the plugin
		Restart: restartToEngine(s.GetRestart(), zones, v),
		Backoff: backoffToEngine(s.GetBackoff(), v),
		Timeout: v.durationOrNone("task.timeout", s.GetTimeout()),
		Labels:  s.GetLabels(),

		HeartbeatTimeout: v.durationOrNone("task.heartbeat_timeout", s.GetHeartbeatTimeout()),

		Admission:     admissionToEngine(s.GetAdmission(), v),
		CaptureOutput: s.GetCaptureOutput(),
	}
}

func admissionToEngine(a *pb.Admission, v *violations) supervisor.Admission {
	v.enum("task.admission.policy", a.GetPolicy(), true)
	return supervisor.Admission{Slot: a.GetSlot(), Policy: toEngine[supervisor.AdmissionPolicy](wirePolicies[:], a.GetPolicy())}
}

func restartToEngine(p *pb.RestartPolicy, zones *cron.Zones, v *violations) supervisor.RestartPolicy {
	v.enum("task.restart.mode", p.GetMode(), true)
	return supervisor.RestartPolicy{
		Mode:       toEngine[supervisor.RestartMode](wireModes[:], p.GetMode()),
		Interval:   v.durationOrNone("task.restart.interval", p.GetInterval()),
		Schedule:   scheduleToEngine(p, zones, v),
		MaxRetries: p.GetMaxRetries(),
		Limit:      limitToEngine(p.GetLimit(), v),
	}
}

// scheduleToEngine returns nil for no schedule.
func scheduleToEngine(p *pb.RestartPolicy, zones *cron.Zones, v *violations) supervisor.Schedule {
	const zoneField = "task.restart.time_zone"
	zone, err := zones.Find(p.GetTimeZone())
	if err != nil {
		v.add(zoneField, "%v", err)
		zone = time.UTC
	}
	if p.GetSchedule() == "" {
		v.check(p.GetTimeZone() == "", zoneField,
			"%s is set, but there is no schedule to be read in it; give task.restart.schedule, or leave the time zone out", quote(p.GetTimeZone()))
		return nil
	}
	schedule, err := cron.Parse(p.GetSchedule(), zone)
	if err != nil {
		v.add("task.restart.schedule", "%v", err)
		return nil // not a *cron.Schedule that is nil
	}
	return schedule
}

// limitToEngine: to the engine a limit of zeros is no limit; a caller who gives one has forgotten something.
func limitToEngine(l *pb.RestartLimit, v *violations) supervisor.RestartLimit {
	if l != nil && l.GetCount() == 0 {
		v.add("task.restart.limit.count", "no count is given; give 1 to %d, or leave the limit out", supervisor.MaxRestartCount)
	}
	if l != nil && l.GetWindow() == nil {
		v.add("task.restart.limit.window", "no window is given; give more than 0s, or leave the limit out")
	}
	return supervisor.RestartLimit{
		Count:  l.GetCount(),
		Window: v.duration("task.restart.limit.window", l.GetWindow()),
	}
}

func backoffToEngine(p *pb.BackoffPolicy, v *violations) supervisor.BackoffPolicy {
	v.enum("task.backoff.jitter", p.GetJitter(), true)
	policy := supervisor.BackoffPolicy{
		First:      v.durationOrNone("task.backoff.first", p.GetFirst()),
		Max:        v.duration("task.backoff.max", p.GetMax()),
		Factor:     p.GetFactor(),
		Jitter:     toEngine[supervisor.Jitter](wireJitters[:], p.GetJitter()),
		ResetAfter: v.durationOrNone("task.backoff.reset_after", p.GetResetAfter()),
	}
	if isZero(p.GetMax()) && policy.First != supervisor.None {
		v.add("task.backoff.max", "0s is less than the first delay; give at least that, or leave it out for the default")
	}
	return policy
}

// isZero reports whether a duration is given and is zero.
func isZero(d *durationpb.Duration) bool {
	return d != nil && d.GetSeconds() == 0 && d.GetNanos() == 0
}
