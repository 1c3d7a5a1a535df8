//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// object returns a config with these keys and values, in turn.
func object(pairs ...any) *structpb.Struct {
	fields := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i].(string)] = pairs[i+1]
	}
	config, err := structpb.NewStruct(fields)
	if err != nil {
		panic(err) // the test is wrong
	}
	return config
}

func shell(script string) *structpb.Struct { return object("command", []any{"sh", "-c", script}) }

// lastingSpec returns the spec of a task that is there until it is removed.
func lastingSpec(random *rand.Rand, name string) *pb.TaskSpec {
	spec := decorated(random, name)
	switch random.IntN(10) {
	case 0:
		spec.Plugin, spec.Config = "exec", object("command", []any{"sleep", "1000"})
	case 1: // has to be restarted forever
		spec.Config = object("duration", "1ms", "then", "failure", "exit_code", float64(3))
		spec.Backoff = &pb.BackoffPolicy{First: durationpb.New(50 * time.Millisecond), Max: durationpb.New(time.Second), Jitter: pb.Jitter(random.IntN(5))}
	case 2:
		spec.Config = object("duration", "2ms")
		spec.Restart = &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_ALWAYS, Interval: durationpb.New(100 * time.Millisecond)}
	case 3: // every attempt takes too long
		spec.Config, spec.Timeout = object("duration", "1h"), durationpb.New(50*time.Millisecond)
	default:
		spec.Config = object("duration", "1h")
	}
	return spec
}

// passingSpec returns the spec of a task that ends by itself, and may take a while to stop.
func passingSpec(random *rand.Rand, name string) *pb.TaskSpec {
	spec := decorated(random, name)
	spec.Restart = &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_NEVER}
	switch random.IntN(8) {
	case 0:
		spec.Plugin, spec.Config, spec.CaptureOutput = "exec", shell("for i in 1 2 3; do echo out; echo err >&2; done; exit 3"), true
	case 1:
		spec.Plugin, spec.Config = "exec", object("command", []any{"true"})
	case 2:
		spec.Config = object("duration", "1ms", "then", "panic")
	case 3:
		spec.Config = object("duration", "1ms", "then", "fatal", "reason", strings.Repeat("because ", random.IntN(1000)))
	case 4:
		spec.Config = object("duration", "1h", "ignore_cancel", "200ms")
		spec.Timeout = durationpb.New(300 * time.Millisecond)
	case 5:
		spec.Config = object("duration", "1ms", "failures", float64(2))
		spec.Restart = &pb.RestartPolicy{MaxRetries: 1, Limit: &pb.RestartLimit{Count: 5, Window: durationpb.New(time.Minute)}}
		spec.Backoff = &pb.BackoffPolicy{First: durationpb.New(0), Factor: 1 + random.Float64()}
	default:
		spec.Config = object("duration", fmt.Sprintf("%dms", random.IntN(100)))
	}
	return spec
}

// decorated returns a spec with what does not matter to its fate.
func decorated(random *rand.Rand, name string) *pb.TaskSpec {
	spec := &pb.TaskSpec{Name: name, Plugin: "sleep", Labels: map[string]string{"chaos": "yes"}}
	for i := range random.IntN(4) {
		spec.Labels[fmt.Sprintf("label-%d", i)] = fmt.Sprint(random.IntN(10))
	}
	return spec
}

// breakSpec makes a good request one that has to be refused, and returns the reason for that.
func breakSpec(random *rand.Rand, r *pb.AddTaskRequest) (reason string) {
	spec := r.GetTask()
	switch random.IntN(14) {
	case 0:
		r.Task = nil
	case 1:
		spec.Name = strings.Repeat("n", 129+random.IntN(1000))
	case 2:
		spec.Name = "-" + string(rune(random.IntN(0x800)))
	case 3:
		spec.Plugin = "slep"
		return "UNKNOWN_PLUGIN"
	case 4:
		spec.Plugin, spec.Config = "exec", object("command", []any{"reboot"})
	case 5:
		spec.Config = object("duraton", "1s")
	case 6:
		spec.Config = object("duration", random.NormFloat64())
	case 7:
		spec.Backoff = &pb.BackoffPolicy{Factor: []float64{0.5, -1, math.NaN(), math.Inf(1)}[random.IntN(4)]}
	case 8:
		spec.Timeout = &durationpb.Duration{Seconds: -random.Int64N(1 << 40), Nanos: -1}
	case 9:
		spec.Restart = &pb.RestartPolicy{Mode: pb.RestartMode(4 + random.IntN(1000))}
	case 10:
		spec.Labels = map[string]string{strings.Repeat("k", 64): "v", "-": "\x00"}
	case 11:
		r.RequestId = strings.Repeat("x", 129)
	case 12:
		spec.Config = object("reason", strings.Repeat("x", 1<<20))
		return "SIZE_LIMIT"
	default:
		var deep any = "bottom"
		for range 200 {
			deep = []any{deep}
		}
		spec.Config = object("duration", deep)
	}
	return "INVALID_FIELD"
}
