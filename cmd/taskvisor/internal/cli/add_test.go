package cli

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/server/servertest"
)

func TestAdd(t *testing.T) {
	inWorld(t, func(w *world) {
		script := func(args ...string) []string { return append(append([]string{"add"}, args...), "--plugin", "script") }
		w.run(script("tick", "--set", "body=succeed", "--interval", "1h", "--label", "app=web", "--label", "tier=front")...)
		w.pass(0) // until its first attempt is over
		w.run("get", "tick")
		w.run(script("all", "--config-json", `{"body": "wait"}`, "--restart", "on-failure", "--max-retries", "3", "--restart-limit", "5/10m",
			"--attempt-timeout", "1m", "--backoff-first", "100ms", "--backoff-max", "10s", "--backoff-factor", "1.5", "--jitter", "full",
			"--reset-after", "0s", "--slot", "shared", "--admission", "replace", "--capture-output", "-o", "json")...)
		w.run(script("tick", "--set", "body=wait")...)
		w.run(script("tick", "--set", "body=wait", "--if-exists", "keep")...)
		w.run(script("tick", "--set", "body=wait", "--if-exists", "replace", "-o", "yaml")...)
		w.run(script("--set", "body=succeed", "--validate-only")...)
		w.run(script("once", "--set", "body=succeed", "--wait")...)
		w.run(script("doomed", "--set", "body=fail", "--restart", "never", "--wait")...)
		w.run("ls", "--all", "-o", "name")
		w.at80And120(script("tick", "--set", "body=wait", "--if-exists", "replace", "--validate-only")...)
		w.at80And120(script("doomed", "--set", "body=fail", "--restart", "never", "--wait")...)
		w.at80And120(script("doomed", "--set", "body=fail", "--restart", "never", "--wait", "-o", "json")...)
		w.at80And120(script("tick", "--set", "bodi=wait", "--backoff-factor", "0.5")...)
	})
}

func TestAddMistakes(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, args := range [][]string{
			{},
			{"a", "b", "--", "date"},
			{"a", "--"},
			{"a", "--plugin", "sleep", "--", "date"},
			{"bad name", "--plugin", "script", "--set", "bodi=wait", "--backoff-factor", "0.5", "--restart", "never", "--interval", "1s"},
			{"a", "--plugin", "scrip"},
			{"a", "--plugin", "disabled"},
			{"a", "--", "date"},
			{"a", "--plugin", "script", "--config-json", `{"body": wait}`},
			{"a", "--plugin", "script", "--config-json", `[]`},
			{"a", "--plugin", "script", "--set", "body", "--label", "x", "--restart-limit", "5"},
			{"a", "--plugin", "script", "--restart", "sometimes"},
			{"a", "--plugin", "script", "--interval", "soon"},
			{"a", "--plugin", "script", "--if-exists", "ignore"},
			{"a", "--plugin", "script", "--wait", "--validate-only"},
			{"a", "--plugin", "script", "--attempt-timout", "1s"},
			{"-f", "nothing.yaml"},
			{"-f", "-", "a"},
			{"-f", "-", "--plugin", "script"},
			{"-f", "-"},
		} {
			w.run(append([]string{"add"}, args...)...)
		}
	})
}

const goodFile = `# Two documents: one task, and a list of tasks.
name: one
plugin: script
config: {body: wait}
restart: {mode: RESTART_MODE_ALWAYS, interval: 1.5s}
---
x-common: &common {plugin: script, config: {body: succeed}}
tasks:
- {name: two, <<: *common}
- {name: three, <<: *common, timeout: 1m}
`

const typos = `tasks:
- name: one
  plugin: script
  config: {body: wait}
  restart: {mode: always}
- name: two
  plugin: script
  confg: {body: wait}
  timeout: soon
`

const refused = `name: one
plugin: script
config:
  bodi: wait
backoff:
  factor: 0.5
---
name: two
plugin: scripd
`

func TestAddFile(t *testing.T) {
	home := here(t)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"good.yaml": goodFile, "typos.yaml": typos, "refused.yaml": refused, "broken.yaml": "name: [a\nplugin: b\n", "empty.yaml": "# nothing\n",
		"good.json": `{"name": "four", "plugin": "script", "config": {"body": "wait"}}`,
	} {
		if err := os.WriteFile(filepath.Join(".", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inWorldAt(t, home, func(w *world) {
		w.run("add", "-f", "good.yaml", "--validate-only")
		w.run("ls")
		w.run("add", "-f", "good.yaml", "-f", "good.json")
		w.run("add", "-f", "good.yaml", "--if-exists", "keep")
		w.run("add", "-f", "good.yaml")
		w.run("add", "-f", "typos.yaml")
		w.run("add", "-f", "refused.yaml")
		w.run("add", "-f", "broken.yaml")
		w.run("add", "-f", "empty.yaml")
		w.stdin = `{"name": "five", "plugin": "script", "config": {"body": "wait"}}`
		w.run("add", "-f", "-", "-o", "name")
		w.stdin = "name: six\nplugin: script\nconfig: {body: fail}\nrestart: {mode: RESTART_MODE_NEVER}\n---\nname: seven\nplugin: script\nconfig: {body: succeed}\n"
		w.run("add", "-f", "-", "--wait")
	})
}

func TestRm(t *testing.T) {
	inWorld(t, func(w *world) {
		w.populate()
		w.run("rm")
		w.run("rm", "--all", "clock")
		w.run("rm", "clok", "once")
		w.run("rm", "00000000-0000-7000-8000-000000000001")
		w.run("rm", "clok", "--ignore-missing")
		w.run("rm", "clock", "-o", "name")
		w.run("rm", "export-b")
		w.run("rm", "export-?", "web/*")
		w.run("rm", "-l", "app=web")
		w.run("rm", "-l", "app=none")
		w.run("rm", "stuck", "--grace", "2s")
		w.run("rm", "stuck", "--timeout", "1s")
		w.run("rm", "--all", "--grace", "2s")
		w.add("one", servertest.Wait)
		w.add("two", servertest.Wait)
		w.at80And120("rm", "one", "-o", "json")
		w.at80And120("rm", "two")
		w.run("rm", "web/front", "web/front", "--grace", "2h")
		w.run("ls")
	})
}

func TestWait(t *testing.T) {
	inWorld(t, func(w *world) {
		w.populate()
		w.run("wait", "once")
		w.run("wait", "doomed")
		w.at80And120("wait", "doomed")
		w.at80And120("wait", "doomed", "-o", "json")
		w.run("wait", "stuck")
		w.run("wait", "web/front", "--timeout", "5s")
		w.run("wait", "web/fron")
		w.run("wait")
		time.AfterFunc(10*time.Second, func() { w.output(0, "rm", "web/front") })
		w.run("wait", "web/front")
		w.runFor(time.Second, "wait", "export-a")
		w.Add("gone", servertest.Wait)
		time.AfterFunc(time.Second, func() { _ = w.Supervisor.Shutdown(w.t.Context()) })
		w.run("wait", "gone")
	})
}
