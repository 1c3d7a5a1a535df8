//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// configMistakes are about the config of plugins.
func configMistakes() []mistake {
	return slices.Concat(sleepMistakes(), execMistakes(), shapeMistakes())
}

// sleepMistakes are about the values of a config: types, ranges, words.
func sleepMistakes() []mistake {
	config := func(fields string) string { return task(`"config":{` + fields + `}`) }
	return []mistake{
		invalid("unknown key", config(`"duraton":"1s"`), "task.config.duraton"),
		invalid("key in another case", config(`"Duration":"1s"`), "task.config.Duration"),
		invalid("three unknown keys", config(`"a":1,"b":2,"c":3`), "task.config.a", "task.config.b", "task.config.c"),
		invalid("key without a name", config(`"":1`), `task.config[""]`),
		invalid("key with a dot", config(`"a.b":1`), `task.config["a.b"]`),
		invalid("key with a quote and a line break", config(`"a\"\nb":1`), `task.config["a\"\nb"]`),
		invalid("duration that is none", config(`"duration":"soon"`), "task.config.duration"),
		invalid("duration without a unit", config(`"duration":"5"`), "task.config.duration"),
		invalid("duration of nothing", config(`"duration":""`), "task.config.duration"),
		invalid("duration in years", config(`"duration":"1y"`), "task.config.duration"),
		invalid("duration that is negative", config(`"duration":"-1s"`), "task.config.duration"),
		invalid("duration beyond counting", config(`"duration":"99999999h"`), "task.config.duration"),
		invalid("duration that is a number", config(`"duration":5`), "task.config.duration"),
		invalid("duration that is null", config(`"duration":null`), "task.config.duration"),
		invalid("duration that is a list", config(`"duration":["1s"]`), "task.config.duration"),
		invalid("duration that is an object", config(`"duration":{"seconds":1}`), "task.config.duration"),
		invalid("number that is a string", config(`"failures":"three"`), "task.config.failures"),
		invalid("number that is a boolean", config(`"failures":true`), "task.config.failures"),
		invalid("number with a fraction", config(`"failures":1.5`), "task.config.failures"),
		invalid("number that is negative", config(`"failures":-1`), "task.config.failures"),
		invalid("number beyond 32 bits", config(`"failures":4294967296`), "task.config.failures"),
		invalid("number beyond 64 bits", config(`"failures":1e300`), "task.config.failures"),
		invalid("exit code of 256", config(`"then":"failure","exit_code":256`), "task.config.exit_code"),
		invalid("exit code of -1", config(`"then":"failure","exit_code":-1`), "task.config.exit_code"),
		invalid("exit code without a failure", config(`"exit_code":3`), "task.config.exit_code"),
		invalid("reason without a failure", config(`"reason":"x"`), "task.config.reason"),
		invalid("word that is not in the list", config(`"then":"maybe"`), "task.config.then"),
		invalid("word in another case", config(`"then":"Failure"`), "task.config.then"),
		invalid("string that is a number", config(`"then":"failure","reason":5`), "task.config.reason"),
		invalid("five values", config(`"duration":1,"then":2,"failures":"x","exit_code":"y","reason":{}`),
			"task.config.duration", "task.config.then", "task.config.failures", "task.config.exit_code", "task.config.reason"),
	}
}

// execMistakes are about lists and maps in a config, and about commands.
func execMistakes() []mistake {
	command := func(config string) string { return `{"task":{"name":"new","plugin":"exec","config":` + config + `}}` }
	return []mistake{
		invalid("no config for a command", `{"task":{"name":"new","plugin":"exec"}}`, "task.config.command"),
		invalid("no command", command(`{}`), "task.config.command"),
		invalid("empty command", command(`{"command":[]}`), "task.config.command"),
		invalid("command that is a string", command(`{"command":"date"}`), "task.config.command"),
		invalid("command of nothing", command(`{"command":[""]}`), "task.config.command[0]"),
		invalid("command that is not allowed", command(`{"command":["rm","-rf","/"]}`), "task.config.command[0]"),
		invalid("command that is not allowed, by its path", command(`{"command":["./date"]}`), "task.config.command[0]"),
		invalid("word that is a number", command(`{"command":["date",5]}`), "task.config.command[1]"),
		invalid("word that is null", command(`{"command":["date",null]}`), "task.config.command[1]"),
		invalid("word that is a list", command(`{"command":["date","-u",["x"]]}`), "task.config.command[2]"),
		invalid("word with a NUL", command(`{"command":["date","a\u0000b"]}`), "task.config.command[1]"),
		invalid("relative folder", command(`{"command":["date"],"dir":"tmp"}`), "task.config.dir"),
		invalid("folder with a NUL", command(`{"command":["date"],"dir":"/tmp\u0000"}`), "task.config.dir"),
		invalid("environment that is a list", command(`{"command":["date"],"env":["A=1"]}`), "task.config.env"),
		invalid("variable that is a number", command(`{"command":["date"],"env":{"A":1,"B":"x"}}`), "task.config.env.A"),
		invalid("variable without a name", command(`{"command":["date"],"env":{"":"x"}}`), `task.config.env[""]`),
		invalid("variable with an equals sign", command(`{"command":["date"],"env":{"A=B":"x"}}`), `task.config.env["A=B"]`),
		invalid("variable with a NUL", command(`{"command":["date"],"env":{"A":"x\u0000"}}`), "task.config.env.A"),
		invalid("reserved variable", command(`{"command":["date"],"env":{"TASKVISOR_UID":"1"}}`), "task.config.env.TASKVISOR_UID"),
		invalid("negative stop_grace", command(`{"command":["date"],"stop_grace":"-1s"}`), "task.config.stop_grace"),
		invalid("errors at every depth", command(`{"command":["date",1,{"a":[2]}],"env":{"A":[],"B":{}},"dir":3,"shell":true}`),
			"task.config.command[1]", "task.config.command[2]", "task.config.env.A", "task.config.env.B", "task.config.dir", "task.config.shell"),
	}
}

// shapeMistakes are about the size of a config.
func shapeMistakes() []mistake {
	deep := func(open, closed string, n int) string {
		return task(`"config":{"reason":` + strings.Repeat(open, n) + `1` + strings.Repeat(closed, n) + `}`)
	}
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d":1`, i)
	}
	return []mistake{
		invalid("config of more than 64 KiB", task(`"config":{"reason":"`+strings.Repeat("x", 64<<10)+`"}`), "task.config"),
		invalid("config of more than 64 KiB, in keys", task(`"config":{`+strings.Join(keys, ",")+`}`), "task.config"),
		invalid("config of 900 KiB", task(`"config":{"reason":"`+strings.Repeat("x", 900<<10)+`"}`), "task.config"),
		invalid("lists in lists", deep("[", "]", 101), "task.config"),
		invalid("objects in objects", deep(`{"a":`, "}", 101), "task.config"),
	}
}

func quoted(text string) string { return strconv.Quote(text) }
