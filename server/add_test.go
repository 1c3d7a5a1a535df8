package server_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// picky is a config that can be wrong in places of every sort.
type picky struct {
	Command []string          `json:"command" jsonschema:"words"`
	Env     map[string]string `json:"env,omitempty"`
	Size    int               `json:"size,omitempty"`
}

func pickyPlugin() plugin.Plugin {
	return plugin.Definition[picky]{
		Name: "picky", Description: "Is hard to please.", Example: picky{Command: []string{"x"}},
		Build: func(c picky) (supervisor.Task, error) {
			var v plugin.Violations
			for i, word := range c.Command {
				v.Check(word != "", plugin.Index("command", i), "the word is empty; give one")
			}
			for key, value := range c.Env {
				v.Check(value != "", plugin.Key("env", key), "the value is empty; give one")
			}
			v.Check(c.Size < 10, "", "%d is too large for all this; give less", c.Size)
			return supervisor.TaskFunc(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }), v.Err()
		},
	}
}

// brokenPlugin builds neither a body nor an error, which is its own fault.
func brokenPlugin() plugin.Plugin {
	calls := 0
	return plugin.Definition[struct{}]{
		Name: "broken", Description: "Is out of order.",
		Build: func(struct{}) (supervisor.Task, error) {
			if calls++; calls == 1 { // the example
				return supervisor.TaskFunc(func(context.Context) error { return nil }), nil
			}
			return nil, nil
		},
	}
}

func object(t testing.TB, fields map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(fields)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// waitSpec is a spec with nothing wrong.
func waitSpec() *pb.TaskSpec { return servertest.Spec("task", servertest.Wait) }

func TestAddTaskRefuses(t *testing.T) {
	h := newHarness(t, servertest.WithPlugins(pickyPlugin(), brokenPlugin()))
	type spec = *pb.TaskSpec
	manyLabels := map[string]string{}
	for i := range 65 {
		manyLabels[fmt.Sprintf("k%d", i)] = ""
	}
	for name, test := range map[string]struct {
		change func(spec)
		code   codes.Code
		reason string
		fields []string
	}{
		"bad name":          {change: func(s spec) { s.Name = "no spaces" }, fields: []string{"task.name"}},
		"name of 129 bytes": {change: func(s spec) { s.Name = strings.Repeat("a", 129) }, fields: []string{"task.name"}},
		"name ends with .":  {change: func(s spec) { s.Name = "a." }, fields: []string{"task.name"}},

		"no plugin": {change: func(s spec) { s.Plugin = "" }, fields: []string{"task.plugin"}},
		"unknown plugin": {change: func(s spec) { s.Plugin = "nope" },
			code: codes.InvalidArgument, reason: "UNKNOWN_PLUGIN", fields: []string{"task.plugin"}},
		"unknown plugin and more": {change: func(s spec) { s.Plugin, s.Timeout = "nope", seconds(-1) },
			code: codes.InvalidArgument, reason: "UNKNOWN_PLUGIN", fields: []string{"task.plugin", "task.timeout"}},
		"disabled plugin": {change: func(s spec) { s.Plugin = servertest.DisabledPlugin },
			code: codes.PermissionDenied, reason: "PLUGIN_DISABLED"},
		"disabled plugin and more": {change: func(s spec) { s.Plugin, s.Name = servertest.DisabledPlugin, "-" },
			code: codes.PermissionDenied, reason: "PLUGIN_DISABLED", fields: []string{"task.name"}},
		"broken plugin": {change: func(s spec) { s.Plugin, s.Config = "broken", nil }, code: codes.Internal, reason: "INTERNAL"},

		"no config":          {change: func(s spec) { s.Config = nil }, fields: []string{"task.config.body"}},
		"unknown config key": {change: func(s spec) { s.Config.Fields["bod"] = structpb.NewNullValue() }, fields: []string{"task.config.bod"}},
		"config value":       {change: func(s spec) { s.Config = object(t, map[string]any{"body": "nobody"}) }, fields: []string{"task.config.body"}},
		"config element": {change: func(s spec) {
			s.Plugin, s.Config = "picky", object(t, map[string]any{"command": []any{"x", "", ""}})
		}, fields: []string{"task.config.command[1]", "task.config.command[2]"}},
		"config key with a dot": {change: func(s spec) {
			s.Plugin = "picky"
			s.Config = object(t, map[string]any{"command": []any{"x"}, "env": map[string]any{"a.b": ""}})
		}, fields: []string{`task.config.env["a.b"]`}},
		"strange unknown key": {change: func(s spec) { s.Config.Fields["a b"] = structpb.NewNullValue() }, fields: []string{`task.config["a b"]`}},
		"config as a whole": {change: func(s spec) {
			s.Plugin, s.Config = "picky", object(t, map[string]any{"command": []any{"x"}, "size": 10})
		}, fields: []string{"task.config"}},
		"config with NaN": {change: func(s spec) {
			s.Config.Fields["body"] = structpb.NewNumberValue(math.NaN())
			s.Config.Fields["more"] = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{
				structpb.NewNullValue(), structpb.NewNumberValue(math.Inf(-1)), {},
				structpb.NewStructValue(&structpb.Struct{Fields: map[string]*structpb.Value{"a b": nil}}),
			}})
		}, fields: []string{"task.config.body", "task.config.more[1]", "task.config.more[2]", `task.config.more[3]["a b"]`}},
		"config too deep": {change: func(s spec) { s.Config.Fields["body"] = nested(101) }, fields: []string{"task.config"}},
		"config too deep, and wide": {change: func(s spec) {
			s.Config.Fields["body"] = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{nested(101), nested(101), nested(102)}})
		}, fields: []string{"task.config"}},
		"no plugin, and no JSON": {change: func(s spec) { s.Plugin, s.Config.Fields["x"] = "", structpb.NewNumberValue(math.NaN()) },
			fields: []string{"task.plugin", "task.config.x"}},
		"config too large": {change: func(s spec) { s.Config.Fields["body"] = structpb.NewStringValue(strings.Repeat("x", 64<<10)) },
			fields: []string{"task.config"}},

		"mode unknown":             {change: func(s spec) { s.Restart = &pb.RestartPolicy{Mode: 9} }, fields: []string{"task.restart.mode"}},
		"interval without ALWAYS":  {change: func(s spec) { s.Restart = &pb.RestartPolicy{Interval: seconds(1)} }, fields: []string{"task.restart.interval"}},
		"interval negative":        {change: func(s spec) { s.Restart = always(seconds(-1)) }, fields: []string{"task.restart.interval"}},
		"retries with NEVER":       {change: func(s spec) { s.Restart = never(); s.Restart.MaxRetries = 1 }, fields: []string{"task.restart.max_retries"}},
		"schedule unreadable":      {change: func(s spec) { s.Restart = scheduled("61 * * * *", "") }, fields: []string{"task.restart.schedule"}},
		"schedule impossible":      {change: func(s spec) { s.Restart = scheduled("0 0 30 2 *", "") }, fields: []string{"task.restart.schedule"}},
		"schedule too long":        {change: func(s spec) { s.Restart = scheduled(strings.Repeat("*", 257), "") }, fields: []string{"task.restart.schedule"}},
		"schedule of spaces":       {change: func(s spec) { s.Restart = scheduled(" ", "") }, fields: []string{"task.restart.schedule"}},
		"schedule and interval":    {change: func(s spec) { s.Restart = always(seconds(1)); s.Restart.Schedule = "@daily" }, fields: []string{"task.restart.interval"}},
		"schedule and zone wrong":  {change: func(s spec) { s.Restart = scheduled("nightly", "Mars/Phobos") }, fields: []string{"task.restart.time_zone", "task.restart.schedule"}},
		"time zone of the machine": {change: func(s spec) { s.Restart = scheduled("@daily", "Local") }, fields: []string{"task.restart.time_zone"}},
		"time zone is a path":      {change: func(s spec) { s.Restart = scheduled("@daily", "../../etc/passwd") }, fields: []string{"task.restart.time_zone"}},
		"time zone alone":          {change: func(s spec) { s.Restart = scheduled("", "Europe/Berlin") }, fields: []string{"task.restart.time_zone"}},
		"limit with NEVER":         {change: func(s spec) { s.Restart = never(); s.Restart.Limit = limit(1, 1) }, fields: []string{"task.restart.limit"}},
		"limit empty":              {change: func(s spec) { s.Restart = &pb.RestartPolicy{Limit: &pb.RestartLimit{}} }, fields: []string{"task.restart.limit.count", "task.restart.limit.window"}},
		"limit without count":      {change: func(s spec) { s.Restart = &pb.RestartPolicy{Limit: limit(0, 1)} }, fields: []string{"task.restart.limit.count"}},
		"limit of 10001":           {change: func(s spec) { s.Restart = &pb.RestartPolicy{Limit: limit(10_001, 1)} }, fields: []string{"task.restart.limit.count"}},
		"limit without window":     {change: func(s spec) { s.Restart = &pb.RestartPolicy{Limit: &pb.RestartLimit{Count: 1}} }, fields: []string{"task.restart.limit.window"}},
		"limit with window 0s":     {change: func(s spec) { s.Restart = &pb.RestartPolicy{Limit: limit(1, 0)} }, fields: []string{"task.restart.limit.window"}},
		"limit, negative window":   {change: func(s spec) { s.Restart = &pb.RestartPolicy{Limit: limit(1, -1)} }, fields: []string{"task.restart.limit.window"}},
		"first negative":           {change: func(s spec) { s.Backoff = &pb.BackoffPolicy{First: seconds(-1)} }, fields: []string{"task.backoff.first"}},
		"max below first":          {change: func(s spec) { s.Backoff = &pb.BackoffPolicy{First: seconds(2), Max: seconds(1)} }, fields: []string{"task.backoff.max"}},
		"max negative":             {change: func(s spec) { s.Backoff = &pb.BackoffPolicy{Max: seconds(-1)} }, fields: []string{"task.backoff.max"}},
		"max 0s":                   {change: func(s spec) { s.Backoff = &pb.BackoffPolicy{Max: seconds(0)} }, fields: []string{"task.backoff.max"}},
		"factor below 1":           {change: func(s spec) { s.Backoff = &pb.BackoffPolicy{Factor: 0.5} }, fields: []string{"task.backoff.factor"}},
		"factor NaN":               {change: func(s spec) { s.Backoff = &pb.BackoffPolicy{Factor: math.NaN()} }, fields: []string{"task.backoff.factor"}},
		"factor infinite":          {change: func(s spec) { s.Backoff = &pb.BackoffPolicy{Factor: math.Inf(1)} }, fields: []string{"task.backoff.factor"}},
		"jitter unknown":           {change: func(s spec) { s.Backoff = &pb.BackoffPolicy{Jitter: -1} }, fields: []string{"task.backoff.jitter"}},
		"reset_after negative":     {change: func(s spec) { s.Backoff = &pb.BackoffPolicy{ResetAfter: seconds(-1)} }, fields: []string{"task.backoff.reset_after"}},
		"timeout negative":         {change: func(s spec) { s.Timeout = seconds(-0.5) }, fields: []string{"task.timeout"}},
		"timeout is no duration":   {change: func(s spec) { s.Timeout = &durationpb.Duration{Seconds: 1, Nanos: -1} }, fields: []string{"task.timeout"}},
		"timeout of 10,000 years":  {change: func(s spec) { s.Timeout = &durationpb.Duration{Seconds: 315_576_000_000} }, fields: []string{"task.timeout"}},
		"timeout, the value None":  {change: func(s spec) { s.Timeout = durationpb.New(supervisor.None) }, fields: []string{"task.timeout"}},
		"65 labels":                {change: func(s spec) { s.Labels = manyLabels }, fields: []string{"task.labels"}},
		"label key empty":          {change: func(s spec) { s.Labels = map[string]string{"": "x"} }, fields: []string{`task.labels[""]`}},
		"label key of 64 bytes":    {change: func(s spec) { s.Labels = map[string]string{strings.Repeat("k", 64): "x"} }, fields: []string{"task.labels." + strings.Repeat("k", 64)}},
		"label key with a space":   {change: func(s spec) { s.Labels = map[string]string{"a b": "x"} }, fields: []string{`task.labels["a b"]`}},
		"label value of 64 bytes":  {change: func(s spec) { s.Labels = map[string]string{"k": strings.Repeat("v", 64)} }, fields: []string{"task.labels.k"}},
		"label value with a slash": {change: func(s spec) { s.Labels = map[string]string{"k": "a/b"} }, fields: []string{"task.labels.k"}},
		"label value ends with -":  {change: func(s spec) { s.Labels = map[string]string{"k": "a-"} }, fields: []string{"task.labels.k"}},

		"all at once": {change: func(s spec) {
			s.Name, s.Timeout, s.Labels = "?", seconds(-1), map[string]string{"-": "x"}
			s.Restart = &pb.RestartPolicy{Mode: 9, Limit: &pb.RestartLimit{}}
			s.Backoff = &pb.BackoffPolicy{First: seconds(-1), Factor: -1, Jitter: 9}
			s.Config.Fields["x"] = structpb.NewNullValue()
		}, fields: []string{
			"task.name", "task.timeout", "task.labels.-", "task.restart.mode", "task.restart.limit.count", "task.restart.limit.window",
			"task.backoff.first", "task.backoff.factor", "task.backoff.jitter", "task.config.x",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := waitSpec()
			test.change(s)
			if test.reason == "" {
				test.code, test.reason = codes.InvalidArgument, "INVALID_FIELD"
			}
			for _, validateOnly := range []bool{true, false} {
				before := h.Supervisor.Cursor()
				_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: s, ValidateOnly: validateOnly})
				wantRefusal(t, err, test.code, test.reason, test.fields...)
				if h.Supervisor.Cursor() != before {
					t.Error("the request was refused and did something all the same")
				}
			}
		})
	}
}

// Text that is not UTF-8 does not come over the wire, but from the own process.
func TestAddTaskRefusesWhatCannotBeSent(t *testing.T) {
	h := newHarness(t)
	s := waitSpec()
	s.Config.Fields["a\xff"] = structpb.NewStringValue("ok")
	s.Config.Fields["b"] = structpb.NewStringValue("\xff")
	_, err := h.Server.AddTask(t.Context(), &pb.AddTaskRequest{Task: s, IfExists: keepIt, RequestId: "1"})
	wantInvalid(t, err, `task.config["a\ufffd"]`, "task.config.b")
}

// nested returns lists inside each other.
func nested(depth int) *structpb.Value {
	value := structpb.NewListValue(&structpb.ListValue{})
	for range depth - 1 {
		value = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{value}})
	}
	return value
}

func scheduled(expr, zone string) *pb.RestartPolicy {
	return &pb.RestartPolicy{Schedule: expr, TimeZone: zone}
}

func always(interval *durationpb.Duration) *pb.RestartPolicy {
	return &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_ALWAYS, Interval: interval}
}

func never() *pb.RestartPolicy { return &pb.RestartPolicy{Mode: pb.RestartMode_RESTART_MODE_NEVER} }

func limit(count uint32, window float64) *pb.RestartLimit {
	return &pb.RestartLimit{Count: count, Window: seconds(window)}
}

func TestAddTaskAcceptsTheLimits(t *testing.T) {
	h := newHarness(t)
	labels := map[string]string{strings.Repeat("k", 63): strings.Repeat("v", 63), "example.com/a_b-c": "", "k": "A.b_c-9"}
	for i := len(labels); i < 64; i++ {
		labels[fmt.Sprint("k", i)] = "v"
	}
	// {"body":"…"} with the rest of 64 KiB in place of the dots; < is one byte in JSON, whatever some encoders make of it.
	longBody := strings.Repeat("<", 64<<10-len(`{"body":""}`))
	h.Define(longBody, func(context.Context) error { return nil })
	for name, change := range map[string]func(*pb.TaskSpec){
		"name of 128":    func(s *pb.TaskSpec) { s.Name = strings.Repeat("a", 128) },
		"labels":         func(s *pb.TaskSpec) { s.Labels = labels },
		"config":         func(s *pb.TaskSpec) { s.Config.Fields["body"] = structpb.NewStringValue(longBody) },
		"no first, max":  func(s *pb.TaskSpec) { s.Backoff = &pb.BackoffPolicy{First: seconds(0), Max: seconds(0)} },
		"limit of 10000": func(s *pb.TaskSpec) { s.Restart = &pb.RestartPolicy{Limit: limit(10_000, 1e-9)} },
		"factor of 0":    func(s *pb.TaskSpec) { s.Backoff = &pb.BackoffPolicy{Factor: 0} },
		"factor of 1":    func(s *pb.TaskSpec) { s.Backoff = &pb.BackoffPolicy{Factor: 1} },
		"long timeout":   func(s *pb.TaskSpec) { s.Timeout = durationpb.New(math.MaxInt64 / 2) },
		"FAIL":           func(*pb.TaskSpec) {},
	} {
		t.Run(name, func(t *testing.T) {
			spec := waitSpec()
			change(spec)
			resp, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: spec, IfExists: pb.IfExists_IF_EXISTS_FAIL})
			if err != nil {
				t.Fatal(err)
			}
			if got := resp.GetTask().GetSpec(); !proto.Equal(got, spec) {
				t.Errorf("the spec is %v, want it as given, %v", got, spec)
			}
			if _, err := h.Tasks.RemoveTask(t.Context(), &pb.RemoveTaskRequest{Uid: resp.GetTask().GetUid()}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAddTaskWithoutATask(t *testing.T) {
	h := newHarness(t)
	_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{})
	wantInvalid(t, err, "task")
	_, err = h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{IfExists: 9})
	wantInvalid(t, err, "task", "if_exists")
}

// "Task as registered or queued", and of the fields of a task what holds at the moment it is added.
func TestAddTaskAnswersWithTheTask(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHarness(t)
		task := h.Add("a", servertest.Wait, func(s *pb.TaskSpec) { s.Labels = map[string]string{"team": "x"} })
		if _, err := supervisor.ParseUID(task.GetUid()); err != nil {
			t.Error(err)
		}
		want := &pb.Task{
			Name: "a", Uid: task.GetUid(), Spec: servertest.Spec("a", servertest.Wait), State: pb.TaskState_TASK_STATE_WAITING,
			CreateTime: task.GetCreateTime(), Sequence: 2, Slot: "a", Generation: 1, PluginVersion: "v1.2.3",
		}
		want.Spec.Labels = map[string]string{"team": "x"}
		if !task.GetCreateTime().AsTime().Equal(time.Now()) || !proto.Equal(task, want) {
			t.Errorf("got %v, want %v", task, want)
		}
	})
}

func TestAddTaskMakesANameWhenThereIsNone(t *testing.T) {
	h := newHarness(t)
	spec := waitSpec()
	spec.Name = ""
	names := map[string]bool{}
	for range 100 {
		resp, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: spec})
		if err != nil {
			t.Fatal(err)
		}
		name := resp.GetTask().GetName()
		if !strings.HasPrefix(name, "script-") || !supervisor.ValidName(name) || resp.GetTask().GetSpec().GetName() != name {
			t.Errorf("name %q, in the spec %q", name, resp.GetTask().GetSpec().GetName())
		}
		names[name] = true
	}
	if len(names) != 100 {
		t.Errorf("%d names for 100 tasks", len(names))
	}
}

// The server calls itself here, as the daemon does; what it is given stays as it is.
func TestAddTaskDoesNotChangeTheRequest(t *testing.T) {
	h := newHarness(t)
	req := &pb.AddTaskRequest{Task: waitSpec()}
	req.Task.Name = ""
	before := proto.Clone(req)
	if _, err := h.Server.AddTask(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(before, req) {
		t.Errorf("the request became %v", req)
	}
}

func TestAddTaskOfATakenName(t *testing.T) {
	h := newHarness(t)
	holder := h.Add("task", servertest.Wait)
	for _, validateOnly := range []bool{false, true} {
		_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: waitSpec(), ValidateOnly: validateOnly})
		r := wantRefusal(t, err, codes.AlreadyExists, "TASK_EXISTS")
		wantMetadata(t, r, map[string]string{"name": "task", "uid": holder.GetUid()})
	}
}

func TestAddTaskAtTheTaskLimit(t *testing.T) {
	h := newHarness(t, servertest.WithEngine(supervisor.Config{MaxTasks: 1}))
	h.Add("a", servertest.Wait)
	_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: waitSpec()})
	wantRefusal(t, err, codes.ResourceExhausted, "TASK_LIMIT")
}

// "Check the request as a whole and answer as if the task was added, without adding it. The task of the answer has no uid."
func TestAddTaskValidateOnly(t *testing.T) {
	h := newHarness(t)
	before := h.Supervisor.Cursor()
	for _, name := range []string{"task", ""} {
		spec := waitSpec()
		spec.Name = name
		resp, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: spec, ValidateOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		task := resp.GetTask()
		spec.Name = task.GetName()
		want := &pb.Task{
			Name: task.GetName(), Spec: spec, State: pb.TaskState_TASK_STATE_WAITING, CreateTime: task.GetCreateTime(), Slot: task.GetName(),
			Generation: 1, PluginVersion: "v1.2.3",
		}
		if task.GetName() == "" || task.GetCreateTime() == nil || !proto.Equal(task, want) {
			t.Errorf("got %v, want %v", task, want)
		}
	}
	if len(h.Supervisor.List(supervisor.ListOptions{})) != 0 || h.Supervisor.Cursor() != before {
		t.Error("something was added")
	}
}

// The metadata of UNKNOWN_PLUGIN and PLUGIN_DISABLED, and that the known names are all there.
func TestAddTaskMetadataOfPlugins(t *testing.T) {
	h := newHarness(t)
	spec := waitSpec()
	spec.Plugin = "scrip"
	_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: spec})
	wantMetadata(t, refusalOf(t, err), map[string]string{"plugin": "scrip", "known_plugins": "disabled,script"})
	spec.Plugin = "disabled"
	_, err = h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: spec})
	r := refusalOf(t, err)
	wantMetadata(t, r, map[string]string{"plugin": "disabled"})
	if !strings.Contains(r.message, "use script") {
		t.Errorf("the message %q keeps the reason to itself", r.message)
	}
}

// A request with more wrong than fits into trailers is cut, and says so: many clients and proxies take no more than 8 KiB, counted after percent and
// base64 encoding, and a server that sends more loses the call.
func TestAddTaskWithHundredsOfViolationsFitsIntoTrailers(t *testing.T) {
	var plugins []plugin.Plugin
	for i := range 100 {
		plugins = append(plugins, plugin.Definition[struct{}]{
			Name: fmt.Sprintf("plugin-number-%d", i), Description: "Does nothing.",
			Build: func(struct{}) (supervisor.Task, error) { return supervisor.TaskFunc(nil), nil },
		})
	}
	h := newHarness(t, servertest.WithPlugins(plugins...))
	tasks := pb.NewSupervisorServiceClient(h.Dial(grpc.WithMaxHeaderListSize(8 << 10)))
	for _, unknown := range []string{servertest.ScriptPlugin, strings.Repeat("ü", 1000)} {
		for _, letter := range []string{"x", "ö", "\u2028"} { // what each costs in the end differs
			spec := waitSpec()
			spec.Plugin = unknown
			spec.Name = strings.Repeat(letter, 500)
			spec.Labels = map[string]string{}
			for i := range 64 {
				spec.Labels[strings.Repeat(letter, 100)+fmt.Sprint(i)] = strings.Repeat(letter, 300)
			}
			_, err := tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: spec})
			r := refusalOf(t, err)
			if r.code != codes.InvalidArgument || r.reason == "" || len(r.fields) < 4 {
				t.Fatalf("with %q: %v %s, violations of %q", letter, r.code, r.reason, r.fields)
			}
			if last := r.problems[r.fields[len(r.fields)-1]]; !strings.Contains(last, "more violations") {
				t.Errorf("the last violation is %q", last)
			}
		}
	}
}

func TestAddTaskOfACallerWhoHasLeft(t *testing.T) {
	h := newHarness(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err := h.Server.AddTask(gone, &pb.AddTaskRequest{Task: waitSpec()})
	wantRefusal(t, err, codes.Canceled, "")
	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, err = h.Server.AddTask(late, &pb.AddTaskRequest{Task: waitSpec()})
	wantRefusal(t, err, codes.DeadlineExceeded, "")
}

// The defaults and the explicit "none" of each rule reach the engine as it wants them.
func TestAddTaskDurationsReachTheEngine(t *testing.T) {
	h := newHarness(t)
	zero := seconds(0)
	h.Add("unset", servertest.Wait)
	h.Add("none", servertest.Wait, func(s *pb.TaskSpec) {
		s.Timeout, s.Restart = zero, always(zero)
		s.Backoff = &pb.BackoffPolicy{First: zero, ResetAfter: zero}
	})
	h.Add("given", servertest.Wait, func(s *pb.TaskSpec) {
		s.Timeout, s.Restart = seconds(1), always(seconds(2))
		s.Restart.MaxRetries, s.Restart.Limit = 7, limit(8, 9)
		s.Backoff = &pb.BackoffPolicy{First: seconds(3), Max: seconds(4), Factor: 5, Jitter: pb.Jitter_JITTER_FULL, ResetAfter: seconds(6)}
		s.Labels = map[string]string{"a": "b"}
	})
	const s = time.Second
	for name, want := range map[string]supervisor.Spec{
		"unset": {},
		"none": {
			Timeout: supervisor.None,
			Restart: supervisor.RestartPolicy{Mode: supervisor.RestartAlways, Interval: supervisor.None},
			Backoff: supervisor.BackoffPolicy{First: supervisor.None, ResetAfter: supervisor.None},
		},
		"given": {
			Timeout: 1 * s, Labels: map[string]string{"a": "b"},
			Restart: supervisor.RestartPolicy{
				Mode: supervisor.RestartAlways, Interval: 2 * s, MaxRetries: 7, Limit: supervisor.RestartLimit{Count: 8, Window: 9 * s},
			},
			Backoff: supervisor.BackoffPolicy{First: 3 * s, Max: 4 * s, Factor: 5, Jitter: supervisor.JitterFull, ResetAfter: 6 * s},
		},
	} {
		snap, err := h.Supervisor.Get(supervisor.ByName(name))
		if err != nil {
			t.Fatal(err)
		}
		got := snap.Spec
		if got.Timeout != want.Timeout || got.Restart != want.Restart || got.Backoff != want.Backoff || !maps.Equal(got.Labels, want.Labels) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// A message names the value, so that the caller need not guess which of many was meant.
func TestViolationsQuoteTheValue(t *testing.T) {
	h := newHarness(t)
	spec := waitSpec()
	spec.Name, spec.Timeout, spec.Labels = "a b", seconds(-1.5), map[string]string{"k": "x y"}
	spec.Backoff = &pb.BackoffPolicy{Factor: 0.25, Jitter: 77}
	_, err := h.Tasks.AddTask(t.Context(), &pb.AddTaskRequest{Task: spec})
	r := refusalOf(t, err)
	for field, value := range map[string]string{
		"task.name": `"a b"`, "task.timeout": "-1.5s", "task.labels.k": `"x y"`, "task.backoff.factor": "0.25", "task.backoff.jitter": "77",
	} {
		if !strings.Contains(r.problems[field], value) {
			t.Errorf("%s: %q does not name %s", field, r.problems[field], value)
		}
	}
	if !slices.Contains(r.fields, "task.name") || !strings.Contains(r.message, "5 fields are wrong") {
		t.Errorf("message %q", r.message)
	}
}
