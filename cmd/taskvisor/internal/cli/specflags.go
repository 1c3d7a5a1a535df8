package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// specFlags are the flags that make a spec. What is not given is left to the server; so durations are nil unless given, and "0s" is given.
type specFlags struct {
	plugin     string
	configJSON string
	set        []string
	labels     []string
	restart    string
	interval   durationFlag
	schedule   string
	timeZone   string
	maxRetries uint32
	limit      string
	timeout    durationFlag
	heartbeat  durationFlag
	first, max durationFlag
	factor     float64
	jitter     string
	reset      durationFlag
	slot       string
	admission  string
	capture    bool
	names      []string // of these flags
}

func (f *specFlags) addTo(flags *pflag.FlagSet) {
	own := pflag.NewFlagSet("spec", pflag.ContinueOnError)
	own.SortFlags = false
	own.StringVar(&f.plugin, "plugin", "", "`PLUGIN` that does the work (default exec, if there is a command)")
	own.StringVar(&f.configJSON, "config-json", "", "config of the plugin, as `JSON`")
	own.StringArrayVar(&f.set, "set", nil, "one key of the config: `KEY=VALUE`; may be given several times")
	own.StringArrayVar(&f.labels, "label", nil, "label: `KEY=VALUE`; may be given several times")
	own.StringVar(&f.restart, "restart", "", "when to run again, a `MODE`: "+strings.Join(words(pb.RestartMode(0).Descriptor()), ", ")+" (default on-failure)")
	own.Var(&f.interval, "interval", "how long to wait after a success; needs --restart always, and implies it")
	own.StringVar(&f.schedule, "schedule", "", "when to run, a cron `EXPRESSION`: \"30 2 * * mon-fri\" or @daily; a run that fails is retried unless --restart never")
	own.StringVar(&f.timeZone, "time-zone", "", "time `ZONE` of the schedule, as in Europe/Berlin (default UTC)")
	own.Uint32Var(&f.maxRetries, "max-retries", 0, "how many failures in a row may follow the first, a number `N`; it gives up after that (default: it never does)")
	own.StringVar(&f.limit, "restart-limit", "", "how many restarts are allowed in a time, of whatever cause: `N/DURATION`, as in 5/10m (default: no limit)")
	own.Var(&f.timeout, "attempt-timeout", "how long an attempt may run (default: no limit)")
	own.Var(&f.heartbeat, "heartbeat-timeout", "how long the body may go without saying that it is alive, if its plugin says so (default: no limit)")
	own.Var(&f.first, "backoff-first", "delay after the first failure (default 200ms)")
	own.Var(&f.max, "backoff-max", "longest delay (default 30s)")
	own.Float64Var(&f.factor, "backoff-factor", 0, "by which each delay is longer than the one before: a `FACTOR` (default 2)")
	own.StringVar(&f.jitter, "jitter", "", "how chance changes delays, a `MODE`: "+strings.Join(words(pb.Jitter(0).Descriptor()), ", ")+" (default equal)")
	own.Var(&f.reset, "reset-after", "how long an attempt has to run so that its failure counts as the first in a row (default 60s)")
	own.StringVar(&f.slot, "slot", "", "`SLOT` to own; one task at a time does (default: the name of the task)")
	own.StringVar(&f.admission, "admission", "", "what to do, a `POLICY`, if the slot is taken: "+strings.Join(words(pb.AdmissionPolicy(0).Descriptor()), ", ")+" (default queue)")
	own.BoolVar(&f.capture, "capture-output", false, "keep what it writes, for \"taskvisor logs\"")
	own.VisitAll(func(flag *pflag.Flag) { f.names = append(f.names, flag.Name) })
	flags.AddFlagSet(own)
}

// given returns one of these flags that is given, "" if none is.
func (f *specFlags) given(flags *pflag.FlagSet) string {
	for _, name := range f.names {
		if flags.Changed(name) {
			return "--" + name
		}
	}
	return ""
}

// build makes the spec. dash is how many arguments stand before --, -1 if there is none.
func (f *specFlags) build(args []string, dash int) (*pb.TaskSpec, error) {
	name, command, err := nameAndCommand(args, dash)
	if err != nil {
		return nil, err
	}
	spec := &pb.TaskSpec{Name: name, Plugin: f.plugin, Timeout: f.timeout.proto(), HeartbeatTimeout: f.heartbeat.proto(), CaptureOutput: f.capture}
	var problems [6]error
	spec.Config, problems[0] = f.config(command)
	spec.Labels, problems[1] = labelsOf(f.labels)
	spec.Restart, problems[2] = f.restartPolicy()
	spec.Backoff, problems[3] = f.backoffPolicy()
	spec.Admission, problems[4] = f.admissionOf()
	if command != nil && spec.Plugin == "" {
		spec.Plugin = execPlugin
	}
	if spec.Plugin == "" {
		problems[5] = errors.New("--plugin is missing: taskvisor plugins lists them; or give a command after --")
	}
	if err := errors.Join(problems[:]...); err != nil {
		return nil, usageError{err}
	}
	return spec, nil
}

// execPlugin runs commands.
const execPlugin = "exec"

func nameAndCommand(args []string, dash int) (name string, command []string, err error) {
	before := args
	if dash >= 0 {
		if before, command = args[:dash], args[dash:]; len(command) == 0 {
			return "", nil, usagef("-- is followed by no command")
		}
	}
	switch {
	case len(before) > 1:
		return "", nil, usagef("%q is one too many: give one NAME; a command goes behind --, as in: add %s -- %s", before[1], before[0], strings.Join(before[1:], " "))
	case len(before) == 1:
		name = before[0]
	}
	return name, command, nil
}

// config makes the config of --config-json, --set and the command.
func (f *specFlags) config(command []string) (*structpb.Struct, error) {
	config := &structpb.Struct{}
	if f.configJSON != "" {
		if err := protojson.Unmarshal([]byte(f.configJSON), config); err != nil {
			return nil, fmt.Errorf("--config-json: wants a JSON object: %s", jsonProblem(f.configJSON, err))
		}
	}
	if command != nil && f.plugin != "" && f.plugin != execPlugin {
		return nil, fmt.Errorf("a command after -- is for the plugin exec, not for %q", f.plugin)
	}
	if command != nil {
		list := &structpb.ListValue{}
		for _, arg := range command {
			list.Values = append(list.Values, structpb.NewStringValue(arg))
		}
		setKey(config, "command", structpb.NewListValue(list))
	}
	for _, text := range f.set {
		if err := setConfig(config, text); err != nil {
			return nil, fmt.Errorf("--set: %w", err)
		}
	}
	if len(config.GetFields()) == 0 {
		return nil, nil
	}
	return config, nil
}

// jsonProblem says what is wrong with JSON in the words of package json, which has the place.
func jsonProblem(text string, err error) string {
	var object map[string]any
	var syntax *json.SyntaxError
	plain := json.Unmarshal([]byte(text), &object)
	if errors.As(plain, &syntax) {
		return fmt.Sprintf("%v, at character %d", plain, syntax.Offset)
	}
	var other *json.UnmarshalTypeError
	if errors.As(plain, &other) {
		return "this is " + other.Value
	}
	return err.Error()
}

// setConfig sets one key from "a.b=value".
func setConfig(config *structpb.Struct, text string) error {
	path, value, ok := strings.Cut(text, "=")
	if !ok || path == "" {
		return fmt.Errorf("wants KEY=VALUE, not %q", text)
	}
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		inner := config.GetFields()[step].GetStructValue()
		if inner == nil {
			inner = &structpb.Struct{}
			setKey(config, step, structpb.NewStructValue(inner))
		}
		config = inner
	}
	setKey(config, steps[len(steps)-1], configValue(value))
	return nil
}

func setKey(config *structpb.Struct, key string, value *structpb.Value) {
	if config.Fields == nil {
		config.Fields = map[string]*structpb.Value{}
	}
	config.Fields[key] = value
}

// configValue reads JSON, and takes all else for text.
func configValue(text string) *structpb.Value {
	value := &structpb.Value{}
	if err := protojson.Unmarshal([]byte(text), value); err != nil {
		return structpb.NewStringValue(text)
	}
	return value
}

func labelsOf(texts []string) (map[string]string, error) {
	var labels map[string]string
	for _, text := range texts {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--label: wants KEY=VALUE, not %q", text)
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[key] = value
	}
	return labels, nil
}

func (f *specFlags) restartPolicy() (*pb.RestartPolicy, error) {
	mode, err := optionalEnum(pb.RestartMode(0).Descriptor(), "--restart", f.restart)
	if err != nil {
		return nil, err
	}
	limit, err := restartLimit(f.limit)
	if err != nil {
		return nil, err
	}
	p := &pb.RestartPolicy{
		Mode: pb.RestartMode(mode), Interval: f.interval.proto(), MaxRetries: f.maxRetries, Limit: limit, Schedule: f.schedule, TimeZone: f.timeZone,
	}
	if p.Interval != nil && p.GetMode() == pb.RestartMode_RESTART_MODE_UNSPECIFIED {
		p.Mode = pb.RestartMode_RESTART_MODE_ALWAYS
	}
	if isZero(p) {
		return nil, nil
	}
	return p, nil
}

func restartLimit(text string) (*pb.RestartLimit, error) {
	if text == "" {
		return nil, nil
	}
	n, window, _ := strings.Cut(text, "/")
	count, err1 := strconv.ParseUint(n, 10, 32)
	d, err2 := time.ParseDuration(window)
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("--restart-limit: wants a number and a time, such as 5/10m, not %q", text)
	}
	return &pb.RestartLimit{Count: uint32(count), Window: durationpb.New(d)}, nil
}

func (f *specFlags) backoffPolicy() (*pb.BackoffPolicy, error) {
	jitter, err := optionalEnum(pb.Jitter(0).Descriptor(), "--jitter", f.jitter)
	if err != nil {
		return nil, err
	}
	p := &pb.BackoffPolicy{First: f.first.proto(), Max: f.max.proto(), Factor: f.factor, Jitter: pb.Jitter(jitter), ResetAfter: f.reset.proto()}
	if isZero(p) {
		return nil, nil
	}
	return p, nil
}

func (f *specFlags) admissionOf() (*pb.Admission, error) {
	policy, err := optionalEnum(pb.AdmissionPolicy(0).Descriptor(), "--admission", f.admission)
	if err != nil {
		return nil, err
	}
	p := &pb.Admission{Slot: f.slot, Policy: pb.AdmissionPolicy(policy)}
	if isZero(p) {
		return nil, nil
	}
	return p, nil
}

// isZero reports that no field is set: the message is then left out, since the server keeps specs as they were given.
func isZero(m protoreflect.ProtoMessage) bool {
	set := false
	m.ProtoReflect().Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool {
		set = true
		return false
	})
	return !set
}

// optionalEnum reads the value of a flag that may be left out.
func optionalEnum(e protoreflect.EnumDescriptor, flag, text string) (protoreflect.EnumNumber, error) {
	if text == "" {
		return 0, nil
	}
	n, err := parseEnum(e, text)
	if err != nil {
		return 0, usagef("%s: %w", flag, err)
	}
	return n, nil
}

// durationFlag is a duration that may be left out.
type durationFlag struct {
	value time.Duration
	given bool
}

// String implements pflag.Value.
func (d *durationFlag) String() string {
	if !d.given {
		return ""
	}
	return d.value.String()
}

// Type implements pflag.Value: what the help says that the flag wants.
func (d *durationFlag) Type() string { return "DURATION" }

// Set implements pflag.Value.
func (d *durationFlag) Set(text string) (err error) {
	if d.value, err = time.ParseDuration(text); err != nil {
		return fmt.Errorf("wants a duration such as 250ms, 1.5s or 5m, not %q", text)
	}
	d.given = true
	return nil
}

func (d *durationFlag) proto() *durationpb.Duration {
	if !d.given {
		return nil
	}
	return durationpb.New(d.value)
}
