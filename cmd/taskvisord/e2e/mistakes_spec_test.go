//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
)

// specMistakes are about the fields of TaskSpec and of AddTaskRequest.
func specMistakes() []mistake {
	return slices.Concat(nameMistakes(), labelMistakes(), durationMistakes(), policyMistakes(), []mistake{
		invalid("nothing at all", ``, "task"),
		invalid("no task", `{}`, "task"),
		invalid("an empty task", `{"task":{}}`, "task.plugin"),
		invalid("no plugin", `{"task":{"name":"new"}}`, "task.plugin"),
		invalid("slot with a space", task(`"admission":{"slot":"a b"}`), "task.admission.slot"),
		invalid("slot of 129 characters", task(`"admission":{"slot":"`+strings.Repeat("x", 129)+`"}`), "task.admission.slot"),
		invalid("slot with a line break", task(`"admission":{"slot":"a\nb"}`), "task.admission.slot"),
		invalid("unknown policy", task(`"admission":{"policy":4}`), "task.admission.policy"),
		invalid("negative policy", task(`"admission":{"policy":-1}`), "task.admission.policy"),
		invalid("unknown if_exists", `{"task":{"name":"new","plugin":"sleep"},"if_exists":77}`, "if_exists"),
		invalid("KEEP without a name", `{"task":{"plugin":"sleep"},"if_exists":"IF_EXISTS_KEEP"}`, "if_exists"),
		invalid("REPLACE without a name", `{"task":{"plugin":"sleep"},"if_exists":"IF_EXISTS_REPLACE"}`, "if_exists"),
		invalid("REPLACE with a bad spec", `{"task":{"name":"taken","plugin":"sleep","timeout":"-1s"},"if_exists":"IF_EXISTS_REPLACE"}`, "task.timeout"),
		invalid("KEEP with a bad spec", `{"task":{"name":"taken","plugin":"sleep","timeout":"-1s"},"if_exists":"IF_EXISTS_KEEP"}`, "task.timeout"),
		invalid("request id of 129 characters", withID(strings.Repeat("x", 129)), "request_id"),
		invalid("request id of 100,000 characters", withID(strings.Repeat("x", 100_000)), "request_id"),
		invalid("request id with a line break", withID(`a\nb`), "request_id"),
		invalid("request id with a NUL", withID(`\u0000`), "request_id"),
		invalid("request id with an umlaut", withID(`größe`), "request_id"),
		invalid("request id that was used, with a bad spec", `{"task":{"name":"taken","plugin":"sleep","config":{"x":1}},"request_id":"used"}`, "task.config.x"),
		invalid("several at once", `{"task":{"name":"-","plugin":"sleep","timeout":"-1s","config":{"x":1},"restart":{"mode":77},"backoff":{"factor":0.5}}}`,
			"task.name", "task.timeout", "task.config.x", "task.restart.mode", "task.backoff.factor"),
		invalid("one of each", `{"request_id":"\t","if_exists":9,"task":{"name":".","plugin":"sleep","timeout":"-1s","labels":{"":"x"},"admission":{"slot":"/","policy":9},`+
			`"config":{"then":"x","y":1},"restart":{"mode":9,"interval":"-1s","limit":{}},"backoff":{"first":"-1s","max":"-1s","factor":0.1,"jitter":9,"reset_after":"-1s"}}}`,
			"request_id", "if_exists", "task.name", "task.timeout", `task.labels[""]`, "task.admission.slot", "task.admission.policy", "task.config.then", "task.config.y",
			"task.restart.mode", "task.restart.interval", "task.restart.limit.count", "task.restart.limit.window", "task.backoff.first", "task.backoff.max",
			"task.backoff.factor", "task.backoff.jitter", "task.backoff.reset_after"),
	})
}

// withID is an AddTask with a request id, which is part of a JSON string.
func withID(id string) string {
	return `{"task":{"name":"new","plugin":"sleep"},"request_id":"` + id + `"}`
}

// nameMistakes are names that no task can have, as parts of JSON strings.
func nameMistakes() (all []mistake) {
	for what, name := range map[string]string{
		"a space": "bad name", "a space in front": " bad", "a space behind": "bad ", "a dash in front": "-bad", "a dash behind": "bad-",
		"a dot in front": ".bad", "nothing but dots": "..", "a slash in front": "/bad", "a slash behind": "bad/", "an underscore in front": "_bad",
		"an umlaut": "größe", "an emoji": "a🙂b", "a colon": "a:b", "a backslash": `a\\b`, "a quote": `a\"b`, "a star": "a*", "a percent sign": "a%20b",
		"a line break": `a\nb`, "a tab": `a\tb`, "a NUL": `a\u0000b`, "an escape": `a\u001b[31mb`, "a DEL": `a\u007fb`, "a change of direction": `a\u202eb`,
		"a space of no width": `a\u200bb`, "letters that look like others": "раураl", "129 characters": strings.Repeat("x", 129),
		"100,000 characters": strings.Repeat("x", 100_000),
	} {
		all = append(all, invalid("name with "+what, `{"task":{"name":"`+name+`","plugin":"sleep"}}`, "task.name"))
	}
	slices.SortFunc(all, func(a, b mistake) int { return strings.Compare(a.name, b.name) })
	return all
}

func labelMistakes() []mistake {
	return []mistake{
		invalid("label without a key", task(`"labels":{"":"x"}`), `task.labels[""]`),
		invalid("label key with a space", task(`"labels":{"a b":"c"}`), `task.labels["a b"]`),
		invalid("label key with a dash in front", task(`"labels":{"-a":"c"}`), "task.labels.-a"),
		invalid("label key of 64 characters", task(`"labels":{"`+strings.Repeat("k", 64)+`":"c"}`), "task.labels."+strings.Repeat("k", 64)),
		invalid("label key with a quote", task(`"labels":{"a\"b":"c"}`), `task.labels["a\"b"]`),
		invalid("label value with a slash", task(`"labels":{"a":"b/c"}`), "task.labels.a"),
		invalid("label value of 64 characters", task(`"labels":{"a":"`+strings.Repeat("v", 64)+`"}`), "task.labels.a"),
		invalid("label value with a line break", task(`"labels":{"a":"b\nc"}`), "task.labels.a"),
		invalid("label value with an umlaut", task(`"labels":{"a":"ö"}`), "task.labels.a"),
		invalid("two labels", task(`"labels":{"a":"ö","b ":"x","c":"d"}`), "task.labels.a", `task.labels["b "]`),
		invalid("65 labels", task(`"labels":{`+labels(65)+`}`), "task.labels"),
		invalid("10,000 labels", task(`"labels":{`+labels(10_000)+`}`), "task.labels"),
	}
}

// durationMistakes are durations that no field of a spec can have.
func durationMistakes() (all []mistake) {
	always := func(field string) string { return `"restart":{"mode":"RESTART_MODE_ALWAYS",` + field + `}` }
	for _, field := range []struct {
		path string
		of   func(field string) string
	}{
		{"timeout", func(f string) string { return f }},
		{"restart.interval", always},
		{"restart.limit.window", func(f string) string { return always(`"limit":{"count":1,` + f + `}`) }},
		{"backoff.first", func(f string) string { return `"backoff":{` + f + `}` }},
		{"backoff.max", func(f string) string { return `"backoff":{` + f + `}` }},
		{"backoff.reset_after", func(f string) string { return `"backoff":{` + f + `}` }},
	} {
		name := field.path[strings.LastIndexByte(field.path, '.')+1:]
		for _, value := range []string{"-1s", "-0.000000001s", "9223372036s"} {
			all = append(all, invalid(fmt.Sprintf("%s of %s", field.path, value), task(field.of(`"`+name+`":"`+value+`"`)), "task."+field.path))
		}
	}
	return all
}

// policyMistakes are about RestartPolicy and BackoffPolicy.
func policyMistakes() []mistake {
	return []mistake{
		invalid("unknown mode", task(`"restart":{"mode":77}`), "task.restart.mode"),
		invalid("largest mode", task(`"restart":{"mode":2147483647}`), "task.restart.mode"),
		invalid("smallest mode", task(`"restart":{"mode":-2147483648}`), "task.restart.mode"),
		invalid("interval without ALWAYS", task(`"restart":{"interval":"1s"}`), "task.restart.interval"),
		invalid("retries with NEVER", task(`"restart":{"mode":"RESTART_MODE_NEVER","max_retries":1}`), "task.restart.max_retries"),
		invalid("limit with NEVER", task(`"restart":{"mode":"RESTART_MODE_NEVER","limit":{"count":1,"window":"1s"}}`), "task.restart.limit"),
		invalid("all that NEVER does not have", task(`"restart":{"mode":"RESTART_MODE_NEVER","interval":"1s","max_retries":1,"limit":{"count":1,"window":"1s"}}`),
			"task.restart.interval", "task.restart.max_retries", "task.restart.limit"),
		invalid("empty limit", task(`"restart":{"limit":{}}`), "task.restart.limit.count", "task.restart.limit.window"),
		invalid("limit without a window", task(`"restart":{"limit":{"count":1}}`), "task.restart.limit.window"),
		invalid("limit without a count", task(`"restart":{"limit":{"window":"1s"}}`), "task.restart.limit.count"),
		invalid("limit of 10001", task(`"restart":{"limit":{"count":10001,"window":"1s"}}`), "task.restart.limit.count"),
		invalid("limit of 2^32-1", task(`"restart":{"limit":{"count":4294967295,"window":"1s"}}`), "task.restart.limit.count"),
		invalid("window of nothing", task(`"restart":{"limit":{"count":1,"window":"0s"}}`), "task.restart.limit.window"),
		invalid("first delay above max", task(`"backoff":{"first":"2s","max":"1s"}`), "task.backoff.max"),
		invalid("max of nothing", task(`"backoff":{"max":"0s"}`), "task.backoff.max"),
		invalid("factor below 1", task(`"backoff":{"factor":0.999999}`), "task.backoff.factor"),
		invalid("factor that is negative", task(`"backoff":{"factor":-2}`), "task.backoff.factor"),
		invalid("factor that is no number", task(`"backoff":{"factor":"NaN"}`), "task.backoff.factor"),
		invalid("factor without end", task(`"backoff":{"factor":"Infinity"}`), "task.backoff.factor"),
		invalid("factor without end, negative", task(`"backoff":{"factor":"-Infinity"}`), "task.backoff.factor"),
		invalid("factor next to nothing", task(`"backoff":{"factor":5e-324}`), "task.backoff.factor"),
		invalid("unknown jitter", task(`"backoff":{"jitter":9}`), "task.backoff.jitter"),
		invalid("negative jitter", task(`"backoff":{"jitter":-9}`), "task.backoff.jitter"),
	}
}

// pluginMistakes are about the choice of a plugin.
func pluginMistakes(known string) (all []mistake) {
	for what, name := range map[string]string{
		"a typo": "slep", "another case": "Sleep", "a space behind": "sleep ", "a path": "../sleep", "a line break": "sl\nep", "an umlaut": "schläft",
	} {
		all = append(all, mistake{"plugin with " + what, "AddTask", `{"task":{"name":"new","plugin":` + quoted(name) + `}}`, codes.InvalidArgument, "UNKNOWN_PLUGIN",
			[]string{"task.plugin"}, map[string]string{"plugin": name, "known_plugins": known}})
	}
	slices.SortFunc(all, func(a, b mistake) int { return strings.Compare(a.name, b.name) })
	return append(all,
		mistake{"plugin with 100,000 characters", "AddTask", `{"task":{"name":"new","plugin":"` + strings.Repeat("x", 100_000) + `"}}`, codes.InvalidArgument, "UNKNOWN_PLUGIN",
			[]string{"task.plugin"}, map[string]string{"known_plugins": known}},
		mistake{"unknown plugin, and more", "AddTask", `{"task":{"name":"-","plugin":"slep","config":{"x":1},"timeout":"-1s"}}`, codes.InvalidArgument, "UNKNOWN_PLUGIN",
			[]string{"task.plugin", "task.name", "task.timeout"}, map[string]string{"plugin": "slep"}})
}
