//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// mistake is a request that the server refuses, and how.
type mistake struct {
	name     string
	method   string
	request  string
	code     codes.Code
	reason   string
	fields   []string          // of the violations, in any order
	metadata map[string]string // that has to be among that of the error
}

// task is an AddTask of a sleep task, whose other fields are given.
func task(fields string) string {
	return `{"task":{"name":"new","plugin":"sleep",` + fields + `}}`
}

// invalid is an AddTask that has wrong fields.
func invalid(name, request string, fields ...string) mistake {
	return mistake{name: name, method: "AddTask", request: request, code: codes.InvalidArgument, reason: "INVALID_FIELD", fields: fields}
}

// invalidCall is invalid for other methods.
func invalidCall(name, method, request string, fields ...string) mistake {
	m := invalid(name, request, fields...)
	m.method = method
	return m
}

// repeated returns a JSON array of n times the same.
func repeated(element string, n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + "]"
}

// mistakes are made against a daemon that has exec enabled for date, the known plugins and a live task "taken".
func mistakes(uidOfTaken, known string) []mistake {
	const stranger = "01975a4e-0000-7000-8000-000000000000"
	return slices.Concat([]mistake{
		{"unknown plugin", "AddTask", `{"task":{"name":"new","plugin":"slep"}}`, codes.InvalidArgument, "UNKNOWN_PLUGIN",
			[]string{"task.plugin"}, map[string]string{"plugin": "slep", "known_plugins": known}},
		{"duplicate name", "AddTask", `{"task":{"name":"taken","plugin":"sleep"}}`, codes.AlreadyExists, "TASK_EXISTS",
			nil, map[string]string{"name": "taken", "uid": uidOfTaken}},
		{"duplicate name, only validated", "AddTask", `{"task":{"name":"taken","plugin":"sleep"},"validate_only":true}`, codes.AlreadyExists, "TASK_EXISTS",
			nil, map[string]string{"name": "taken", "uid": uidOfTaken}},
		{"no such name", "RemoveTask", `{"name":"gone"}`, codes.NotFound, "TASK_NOT_FOUND", nil, map[string]string{"name": "gone"}},
		{"no such uid", "RemoveTask", `{"uid":"` + stranger + `"}`, codes.NotFound, "TASK_NOT_FOUND", nil, map[string]string{"uid": stranger}},
		{"cursor of another epoch", "WatchEvents", `{"resume":{"epoch":"elsewhere","sequence":"1"}}`, codes.OutOfRange, "CURSOR_EXPIRED",
			nil, map[string]string{"oldest_sequence": "1"}},
	}, specMistakes(), policyMistakes(), configMistakes(), callMistakes(), selectorMistakes())
}

// specMistakes are about the fields of TaskSpec itself.
func specMistakes() []mistake {
	return []mistake{
		invalid("no task", `{}`, "task"),
		invalid("no plugin", `{"task":{"name":"new"}}`, "task.plugin"),
		invalid("name with a space", `{"task":{"name":"bad name","plugin":"sleep"}}`, "task.name"),
		invalid("name with a dash at its end", `{"task":{"name":"bad-","plugin":"sleep"}}`, "task.name"),
		invalid("name with an umlaut", `{"task":{"name":"größe","plugin":"sleep"}}`, "task.name"),
		invalid("name of 129 characters", `{"task":{"name":"`+strings.Repeat("x", 129)+`","plugin":"sleep"}}`, "task.name"),
		invalid("negative timeout", task(`"timeout":"-1s"`), "task.timeout"),
		invalid("label key with a space", task(`"labels":{"a b":"c"}`), `task.labels["a b"]`),
		invalid("label value with a slash", task(`"labels":{"a":"b/c"}`), "task.labels.a"),
		invalid("65 labels", task(`"labels":{`+labels(65)+`}`), "task.labels"),
		invalid("unknown value of if_exists", `{"task":{"name":"new","plugin":"sleep"},"if_exists":77}`, "if_exists"),
		invalid("several at once", `{"task":{"name":"-","plugin":"sleep","timeout":"-1s","config":{"x":1},"restart":{"mode":77},"backoff":{"factor":0.5}}}`,
			"task.name", "task.timeout", "task.config.x", "task.restart.mode", "task.backoff.factor"),
	}
}

// policyMistakes are about RestartPolicy and BackoffPolicy.
func policyMistakes() []mistake {
	return []mistake{
		invalid("unknown mode", task(`"restart":{"mode":77}`), "task.restart.mode"),
		invalid("negative interval", task(`"restart":{"mode":"RESTART_MODE_ALWAYS","interval":"-0.5s"}`), "task.restart.interval"),
		invalid("interval without ALWAYS", task(`"restart":{"interval":"1s"}`), "task.restart.interval"),
		invalid("retries with NEVER", task(`"restart":{"mode":"RESTART_MODE_NEVER","max_retries":1}`), "task.restart.max_retries"),
		invalid("limit with NEVER", task(`"restart":{"mode":"RESTART_MODE_NEVER","limit":{"count":1,"window":"1s"}}`), "task.restart.limit"),
		invalid("empty limit", task(`"restart":{"limit":{}}`), "task.restart.limit.count", "task.restart.limit.window"),
		invalid("limit of 10001", task(`"restart":{"limit":{"count":10001,"window":"1s"}}`), "task.restart.limit.count"),
		invalid("window of nothing", task(`"restart":{"limit":{"count":1,"window":"0s"}}`), "task.restart.limit.window"),
		invalid("negative first delay", task(`"backoff":{"first":"-1s"}`), "task.backoff.first"),
		invalid("first delay above max", task(`"backoff":{"first":"2s","max":"1s"}`), "task.backoff.max"),
		invalid("max of nothing", task(`"backoff":{"max":"0s"}`), "task.backoff.max"),
		invalid("factor below 1", task(`"backoff":{"factor":0.5}`), "task.backoff.factor"),
		invalid("factor that is no number", task(`"backoff":{"factor":"NaN"}`), "task.backoff.factor"),
		invalid("unknown jitter", task(`"backoff":{"jitter":9}`), "task.backoff.jitter"),
		invalid("negative reset_after", task(`"backoff":{"reset_after":"-1s"}`), "task.backoff.reset_after"),
	}
}

// configMistakes are about the config of plugins.
func configMistakes() []mistake {
	command := func(config string) string { return `{"task":{"name":"new","plugin":"exec","config":` + config + `}}` }
	return []mistake{
		invalid("unknown key", task(`"config":{"duraton":"1s"}`), "task.config.duraton"),
		invalid("duration that is none", task(`"config":{"duration":"soon"}`), "task.config.duration"),
		invalid("value of another type", task(`"config":{"failures":"three"}`), "task.config.failures"),
		invalid("value that is not in the list", task(`"config":{"then":"maybe"}`), "task.config.then"),
		invalid("key without effect", task(`"config":{"exit_code":3}`), "task.config.exit_code"),
		invalid("config of more than 64 KiB", task(`"config":{"reason":"`+strings.Repeat("x", 64<<10)+`"}`), "task.config"),
		invalid("no command", command(`{}`), "task.config.command"),
		invalid("empty command", command(`{"command":[]}`), "task.config.command"),
		invalid("command that is not allowed", command(`{"command":["rm","-rf","/"]}`), "task.config.command[0]"),
		invalid("relative folder", command(`{"command":["date"],"dir":"tmp"}`), "task.config.dir"),
		invalid("reserved variable", command(`{"command":["date"],"env":{"TASKVISOR_UID":"1"}}`), "task.config.env.TASKVISOR_UID"),
		invalid("nested type", command(`{"command":["date",5]}`), "task.config.command[1]"),
	}
}

// callMistakes are about the requests of the other methods.
func callMistakes() []mistake {
	return []mistake{
		invalidCall("neither name nor uid", "RemoveTask", `{}`, "name"),
		invalidCall("both name and uid", "RemoveTask", `{"name":"taken","uid":"01975a4e-0000-7000-8000-000000000000"}`, "uid"),
		invalidCall("name that is none", "RemoveTask", `{"name":"no name"}`, "name"),
		invalidCall("uid that is none", "RemoveTask", `{"uid":"17"}`, "uid"),
		invalidCall("no grace", "RemoveTask", `{"name":"taken","grace_period":"0s"}`, "grace_period"),
		invalidCall("negative grace", "RemoveTask", `{"name":"taken","grace_period":"-1s"}`, "grace_period"),
		invalidCall("grace of two hours", "RemoveTask", `{"name":"taken","grace_period":"7200s"}`, "grace_period"),
		invalidCall("negative page size", "ListTasks", `{"page_size":-1}`, "page_size"),
		invalidCall("page size of 1001", "ListTasks", `{"page_size":1001}`, "page_size"),
		invalidCall("page token that is none", "ListTasks", `{"page_token":"next"}`, "page_token"),
		invalidCall("glob with an open set", "ListTasks", `{"filter":{"names":["ok","[a"]}}`, "filter.names[1]"),
		invalidCall("101 names", "ListTasks", `{"filter":{"names":`+repeated(`"a"`, 101)+`}}`, "filter.names"),
		invalidCall("state that is none", "ListTasks", `{"filter":{"states":["TASK_STATE_UNSPECIFIED"]}}`, "filter.states[0]"),
		invalidCall("uid that is none, in a list", "ListTasks", `{"filter":{"uids":["17"]}}`, "filter.uids[0]"),
		invalidCall("kind that is none", "WatchEvents", `{"filter":{"kinds":[99]}}`, "filter.kinds[0]"),
		invalidCall("glob of a watch", "WatchEvents", `{"filter":{"names":["[a"]}}`, "filter.names[0]"),
		invalidCall("unknown start", "WatchEvents", `{"start":9}`, "start"),
		invalidCall("start and resume", "WatchEvents", `{"start":"WATCH_START_OLDEST","resume":{"epoch":"x"}}`, "start"),
		invalidCall("resume without an epoch", "WatchEvents", `{"resume":{"sequence":"1"}}`, "resume.epoch"),
		invalidCall("heartbeat of 1 ms", "WatchEvents", `{"heartbeat_interval":"0.001s"}`, "heartbeat_interval"),
		invalidCall("heartbeat of two hours", "WatchEvents", `{"heartbeat_interval":"7200s"}`, "heartbeat_interval"),
		invalidCall("page size of plugins", "taskvisor.v1.PluginService/ListPlugins", `{"page_size":-1}`, "page_size"),
		invalidCall("page token of plugins", "taskvisor.v1.PluginService/ListPlugins", `{"page_token":"next"}`, "page_token"),
	}
}

// selectorMistakes are about label selectors, one of the two methods each.
func selectorMistakes() (all []mistake) {
	for i, selector := range []struct {
		text     string
		problems int
	}{
		{",", 2},
		{"a,", 1},
		{"a b", 1},
		{"a>1", 1},
		{"!", 1},
		{"!a=b", 1},
		{"a=b c", 1},
		{"a===b", 1},
		{"a in b", 1},
		{"a in (b", 1},
		{"a in (b c)", 1},
		{"a IN (b)", 1},
		{"-a", 1},
		{"größe=1", 1},
		{"a=b/c", 1},
		{"a='b'", 1},
		{"-a=b-, c d, e in (f g), =h, ok", 5},
		{strings.Repeat("x", 64), 1},
		{"a=" + strings.Repeat("x", 64), 1},
		{strings.Repeat("a", 4097), 1},
		{strings.Repeat("a,", 100) + "a", 1},
		{"a in (" + strings.Repeat("b,", 100) + "b)", 1},
	} {
		method := []string{"ListTasks", "WatchEvents"}[i%2]
		request := fmt.Sprintf(`{"filter":{"label_selector":%q}}`, selector.text)
		all = append(all, invalidCall(fmt.Sprintf("selector %.40q", selector.text), method, request,
			slices.Repeat([]string{"filter.label_selector"}, selector.problems)...))
	}
	return all
}

func labels(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"l%d":"x"`, i)
	}
	return strings.Join(all, ",")
}

// knownPlugins returns the names of the plugins that the daemon lists, separated by commas.
func (d *daemon) knownPlugins(t *testing.T) string {
	t.Helper()
	listed := &taskvisorv1.ListPluginsResponse{}
	d.call(t, "taskvisor.v1.PluginService/ListPlugins", `{}`, listed)
	var names []string
	for _, p := range listed.GetPlugins() {
		names = append(names, p.GetName())
	}
	if !slices.Contains(names, "exec") || !slices.Contains(names, "sleep") {
		t.Errorf("plugins %q", names)
	}
	return strings.Join(names, ",")
}

func TestMistakesAreRefused(t *testing.T) {
	d := startDaemon(t, "--exec-allow", "date")
	w := d.watch(t, `{}`)
	added := &taskvisorv1.AddTaskResponse{}
	d.call(t, "AddTask", `{"task":{"name":"taken","plugin":"sleep","config":{"duration":"1h"}}}`, added)
	w.until(t, "TASK_STARTING")

	for _, m := range mistakes(added.GetTask().GetUid(), d.knownPlugins(t)) {
		t.Run(m.name, func(t *testing.T) { m.check(t, d.refuse(t, m.method, m.request)) })
	}

	listed := &taskvisorv1.ListTasksResponse{}
	if d.call(t, "ListTasks", `{"include_finished":true}`, listed); len(listed.GetTasks()) != 1 || listed.GetTasks()[0].GetSequence() != w.sequence {
		t.Errorf("the mistakes changed something: %v", listed.GetTasks())
	}
}

// check compares a refusal with what the contract says of it.
func (m *mistake) check(t *testing.T, r refusal) {
	t.Helper()
	if r.code != m.code || r.exit != exitOffset+int(m.code) {
		t.Errorf("code %s, grpcurl exits with %d; want %s", r.code, r.exit, m.code)
	}
	if r.info.GetReason() != m.reason || r.info.GetDomain() != "taskvisor" {
		t.Errorf("reason %q of %q, want %q of taskvisor", r.info.GetReason(), r.info.GetDomain(), m.reason)
	}
	for key, want := range m.metadata {
		if got := r.info.GetMetadata()[key]; got != want {
			t.Errorf("metadata %s is %q, want %q", key, got, want)
		}
	}
	got, want := r.fields(), slices.Clone(m.fields)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("violations of %q, want %q", got, want)
	}
	for _, v := range r.wrong {
		if v.GetDescription() == "" {
			t.Errorf("the violation of %s does not say what to do", v.GetField())
		}
	}
	if r.message == "" {
		t.Error("no message")
	}
	if t.Failed() {
		t.Logf("the message is: %s", r.message)
	}
}
