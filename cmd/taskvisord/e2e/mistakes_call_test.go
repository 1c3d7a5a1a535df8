//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

const (
	stranger    = "01975a4e-0000-7000-8000-000000000000" // a uid that nobody has
	listPlugins = "taskvisor.v1.PluginService/ListPlugins"
)

// mistakes are made against a daemon that has exec enabled for date, a live task "taken", which a request with the id "used" added, and a finished
// one "ended".
func mistakes(t *testing.T, d *daemon, uidOfTaken string) []mistake {
	known := d.knownPlugins(t)
	return slices.Concat(
		stateMistakes(uidOfTaken), pluginMistakes(known), specMistakes(), configMistakes(),
		removeMistakes(), listMistakes(), tokenMistakes(t, d), watchMistakes(), selectorMistakes(), cursorMistakes(t, d),
	)
}

// stateMistakes are requests with nothing wrong but the time.
func stateMistakes(uidOfTaken string) []mistake {
	exists := func(name, request string, differ string) mistake {
		m := mistake{name, "AddTask", request, codes.AlreadyExists, "TASK_EXISTS", nil, map[string]string{"name": "taken", "uid": uidOfTaken}}
		if differ != "" {
			m.metadata["differing_fields"] = differ
		}
		return m
	}
	reused := func(name, request string) mistake {
		return mistake{name, "AddTask", request, codes.AlreadyExists, "REQUEST_ID_REUSED", nil, map[string]string{"request_id": "used"}}
	}
	missing := func(name, request string, metadata map[string]string) mistake {
		return mistake{name, "RemoveTask", request, codes.NotFound, "TASK_NOT_FOUND", nil, metadata}
	}
	const sameTask = `"task":{"name":"taken","plugin":"sleep","config":{"duration":"1h"}}`
	return []mistake{
		exists("duplicate name", `{"task":{"name":"taken","plugin":"sleep"}}`, ""),
		exists("duplicate task", `{`+sameTask+`}`, ""),
		exists("duplicate name, only validated", `{"task":{"name":"taken","plugin":"sleep"},"validate_only":true}`, ""),
		exists("duplicate name under a fresh id", `{`+sameTask+`,"request_id":"fresh"}`, ""),
		exists("KEEP of another config", `{"task":{"name":"taken","plugin":"sleep","config":{"duration":"2h"}},"if_exists":"IF_EXISTS_KEEP"}`, "task.config.duration"),
		exists("KEEP of another policy, only validated", `{"task":{"name":"taken","plugin":"sleep","config":{"duration":"1h"},`+
			`"restart":{"mode":"RESTART_MODE_NEVER"}},"if_exists":"IF_EXISTS_KEEP","validate_only":true}`, "task.restart.mode"),
		exists("KEEP of another plugin", `{"task":{"name":"taken","plugin":"exec","config":{"command":["date"]}},"if_exists":"IF_EXISTS_KEEP"}`,
			"task.plugin,task.config.command,task.config.duration"),
		reused("request id of another task", withID("used")),
		reused("request id with another if_exists", `{`+sameTask+`,"request_id":"used","if_exists":"IF_EXISTS_REPLACE"}`),
		missing("no such name", `{"name":"gone"}`, map[string]string{"name": "gone"}),
		missing("name of a task that has ended", `{"name":"ended"}`, map[string]string{"name": "ended"}),
		missing("no such uid", `{"uid":"`+stranger+`"}`, map[string]string{"uid": stranger}),
		{"health of no such task", "grpc.health.v1.Health/Check", `{"service":"task/gone"}`, codes.NotFound, "TASK_NOT_FOUND", nil, map[string]string{"name": "gone"}},
	}
}

func removeMistakes() []mistake {
	remove := func(name, request string, fields ...string) mistake {
		return invalidCall(name, "RemoveTask", request, fields...)
	}
	return []mistake{
		remove("neither name nor uid", `{}`, "name"),
		remove("neither name nor uid, but missing allowed", `{"allow_missing":true}`, "name"),
		remove("both name and uid", `{"name":"taken","uid":"`+stranger+`"}`, "uid"),
		remove("name that is none", `{"name":"no name"}`, "name"),
		remove("name that is a pattern", `{"name":"*"}`, "name"),
		remove("name with a line break", `{"name":"taken\n"}`, "name"),
		remove("name of 129 characters", `{"name":"`+strings.Repeat("x", 129)+`"}`, "name"),
		remove("uid that is a number", `{"uid":"17"}`, "uid"),
		remove("uid of zeros", `{"uid":"00000000-0000-0000-0000-000000000000"}`, "uid"),
		remove("uid without dashes", `{"uid":"01975a4e000070008000000000000000"}`, "uid"),
		remove("uid in braces", `{"uid":"{`+stranger+`}"}`, "uid"),
		remove("uid with a wrong digit", `{"uid":"0197xa4e-0000-7000-8000-000000000000"}`, "uid"),
		remove("uid that is cut", `{"uid":"`+stranger[:35]+`"}`, "uid"),
		remove("uid of 100,000 characters", `{"uid":"`+strings.Repeat("0", 100_000)+`"}`, "uid"),
		remove("no grace", `{"name":"taken","grace_period":"0s"}`, "grace_period"),
		remove("negative grace", `{"name":"taken","grace_period":"-1s"}`, "grace_period"),
		remove("grace of two hours", `{"name":"taken","grace_period":"7200s"}`, "grace_period"),
		remove("grace that is just too long", `{"name":"taken","grace_period":"3600.000000001s"}`, "grace_period"),
		remove("grace beyond counting", `{"name":"taken","grace_period":"9223372036s"}`, "grace_period"),
		remove("name, uid and grace", `{"uid":"x","grace_period":"-1s"}`, "uid", "grace_period"),
	}
}

func listMistakes() []mistake {
	list := func(name, request string, fields ...string) mistake {
		return invalidCall(name, "ListTasks", request, fields...)
	}
	return []mistake{
		list("negative page size", `{"page_size":-1}`, "page_size"),
		list("smallest page size", `{"page_size":-2147483648}`, "page_size"),
		list("page size of 1001", `{"page_size":1001}`, "page_size"),
		list("largest page size", `{"page_size":2147483647}`, "page_size"),
		list("pattern with an open set", `{"filter":{"names":["ok","[a"]}}`, "filter.names[1]"),
		list("pattern with a backslash at its end", `{"filter":{"names":["a\\"]}}`, "filter.names[0]"),
		list("empty pattern", `{"filter":{"names":["","a"]}}`, "filter.names[0]"),
		list("pattern of 513 characters", `{"filter":{"names":["`+strings.Repeat("*", 513)+`"]}}`, "filter.names[0]"),
		list("101 names", `{"filter":{"names":`+repeated(`"a"`, 101)+`}}`, "filter.names"),
		list("10,000 names", `{"filter":{"names":`+repeated(`"a"`, 10_000)+`}}`, "filter.names"),
		list("state that is none", `{"filter":{"states":["TASK_STATE_UNSPECIFIED"]}}`, "filter.states[0]"),
		list("unknown state", `{"filter":{"states":["TASK_STATE_RUNNING",99]}}`, "filter.states[1]"),
		list("finished tasks that are not included", `{"filter":{"states":["TASK_STATE_FINISHED"]}}`, "filter.states[0]"),
		list("101 states", `{"filter":{"states":`+repeated("3", 101)+`}}`, "filter.states"),
		list("uid that is none", `{"filter":{"uids":["17"]}}`, "filter.uids[0]"),
		list("empty uid", `{"filter":{"uids":["`+stranger+`",""]}}`, "filter.uids[1]"),
		list("101 uids", `{"filter":{"uids":`+repeated(`"`+stranger+`"`, 101)+`}}`, "filter.uids"),
		list("wrong in every field", `{"page_size":-1,"page_token":"x","filter":{"names":["["],"states":[99,0],"uids":["x","y"]}}`,
			"page_size", "page_token", "filter.names[0]", "filter.states[0]", "filter.states[1]", "filter.uids[0]", "filter.uids[1]"),
		invalidCall("negative page size", listPlugins, `{"page_size":-1}`, "page_size"),
		invalidCall("page size of 1001", listPlugins, `{"page_size":1001}`, "page_size"),
		invalidCall("page token that is none", listPlugins, `{"page_token":"next"}`, "page_token"),
		invalidCall("page size and token", listPlugins, `{"page_size":-1,"page_token":"next"}`, "page_size", "page_token"),
	}
}

// tokenMistakes are made with a real token, and with others.
func tokenMistakes(t *testing.T, d *daemon) (all []mistake) {
	t.Helper()
	page := &taskvisorv1.ListTasksResponse{}
	d.call(t, "ListTasks", `{"page_size":1,"include_finished":true}`, page)
	plugins := &taskvisorv1.ListPluginsResponse{}
	d.call(t, listPlugins, `{"page_size":1}`, plugins)
	token, ofPlugins := page.GetNextPageToken(), plugins.GetNextPageToken()
	if token == "" || ofPlugins == "" {
		t.Fatal("there is no second page")
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	forged := base64.RawURLEncoding.EncodeToString(append(slices.Clone(raw[:len(raw)-3]), 'x', '"', '}'))
	flipped := base64.RawURLEncoding.EncodeToString(append([]byte{raw[0] ^ 1}, raw[1:]...))
	list := func(name, token, more string) {
		all = append(all, invalidCall(name, "ListTasks", `{"include_finished":true,"page_token":`+quoted(token)+more+`}`, "page_token"))
	}
	list("page token that is a word", "next", "")
	list("page token that is cut", token[:len(token)-4], "")
	list("page token with more behind it", token+"AAAA", "")
	list("page token with padding", token+"=", "")
	list("page token with a line break", token+"\n", "")
	list("page token that is forged", forged, "")
	list("page token with another sum", flipped, "")
	list("page token of nothing but a sum", token[:10], "")
	list("page token of 100,000 characters", strings.Repeat("A", 100_000), "")
	list("page token of another filter", token, `,"filter":{"names":["t*"]}`)
	list("page token of plugins", ofPlugins, "")
	return append(all,
		invalidCall("page token without include_finished", "ListTasks", `{"page_token":"`+token+`"}`, "page_token"),
		invalidCall("page token of tasks", listPlugins, `{"page_token":"`+token+`"}`, "page_token"),
		invalidCall("page token of a server before", "ListTasks", `{"include_finished":true,"page_token":"`+tokenOfAnother(t)+`"}`, "page_token"),
	)
}

// tokenOfAnother returns a token for the same list of another daemon.
func tokenOfAnother(t *testing.T) string {
	t.Helper()
	d := startDaemon(t)
	for range 2 {
		d.call(t, "AddTask", `{"task":{"plugin":"sleep","config":{"duration":"1h"}}}`, &taskvisorv1.AddTaskResponse{})
	}
	page := &taskvisorv1.ListTasksResponse{}
	d.call(t, "ListTasks", `{"page_size":1,"include_finished":true}`, page)
	return page.GetNextPageToken()
}

func watchMistakes() []mistake {
	watch := func(name, request string, fields ...string) mistake {
		return invalidCall(name, "WatchEvents", request, fields...)
	}
	return []mistake{
		watch("kind that is none", `{"filter":{"kinds":["EVENT_KIND_UNSPECIFIED"]}}`, "filter.kinds[0]"),
		watch("unknown kind", `{"filter":{"kinds":["EVENT_KIND_TASK_ADDED",99]}}`, "filter.kinds[1]"),
		watch("101 kinds", `{"filter":{"kinds":`+repeated("1", 101)+`}}`, "filter.kinds"),
		watch("pattern with an open set", `{"filter":{"names":["[a"]}}`, "filter.names[0]"),
		watch("uid that is none", `{"filter":{"uids":["x"]}}`, "filter.uids[0]"),
		watch("unknown start", `{"start":9}`, "start"),
		watch("negative start", `{"start":-1}`, "start"),
		watch("start and resume", `{"start":"WATCH_START_OLDEST","resume":{"epoch":"x"}}`, "start"),
		watch("empty cursor", `{"resume":{}}`, "resume.epoch"),
		watch("resume without an epoch", `{"resume":{"sequence":"1"}}`, "resume.epoch"),
		watch("heartbeat of nothing", `{"heartbeat_interval":"0s"}`, "heartbeat_interval"),
		watch("heartbeat of 1 ms", `{"heartbeat_interval":"0.001s"}`, "heartbeat_interval"),
		watch("heartbeat of two hours", `{"heartbeat_interval":"7200s"}`, "heartbeat_interval"),
		watch("negative heartbeat", `{"heartbeat_interval":"-1s"}`, "heartbeat_interval"),
		watch("wrong in every field", `{"start":9,"resume":{},"heartbeat_interval":"0s","filter":{"names":["["],"kinds":[99],"uids":["x"]}}`,
			"start", "start", "resume.epoch", "heartbeat_interval", "filter.names[0]", "filter.kinds[0]", "filter.uids[0]"),
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

// cursorMistakes are about cursors that are not those of the log.
func cursorMistakes(t *testing.T, d *daemon) (all []mistake) {
	t.Helper()
	listed := &taskvisorv1.ListTasksResponse{}
	d.call(t, "ListTasks", `{}`, listed)
	now := listed.GetCursor()
	metadata := map[string]string{"epoch": now.GetEpoch(), "oldest_sequence": "1", "last_sequence": fmt.Sprint(now.GetSequence())}
	for _, c := range []struct {
		name, epoch string
		sequence    uint64
	}{
		{"cursor of another epoch", stranger, 1},
		{"cursor of an epoch that is a word", "elsewhere", now.GetSequence()},
		{"epoch in another case", strings.ToUpper(now.GetEpoch()), now.GetSequence()},
		{"epoch of 100,000 characters", strings.Repeat("x", 100_000), 1},
		{"cursor of the future", now.GetEpoch(), now.GetSequence() + 1},
		{"cursor of the end of time", now.GetEpoch(), 1<<64 - 1},
	} {
		request := fmt.Sprintf(`{"resume":{"epoch":%q,"sequence":"%d"}}`, c.epoch, c.sequence)
		all = append(all, mistake{c.name, "WatchEvents", request, codes.OutOfRange, "CURSOR_EXPIRED", nil, metadata})
	}
	return all
}
