package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// refused runs a daemon with tasks that are wrong, and returns what it says of them.
func refused(t *testing.T, args ...string) (problems string) {
	t.Helper()
	code, stdout, stderr := once(t, nil, args...)
	if code != ExitUsage || stdout != "" {
		t.Fatalf("exit code %d, stdout %q, stderr\n%s", code, stdout, stderr)
	}
	return stderr
}

// Each mistake in a tasks file, with the exact message. Those after the blank line are judged by the service, whose words are not repeated
// here: they end with the place.
func TestTasksFileMistakes(t *testing.T) {
	const valid = "tasks:\n- {name: a, plugin: sleep}\n"
	tests := []struct{ name, text, want string }{
		{"list at the top", "- name: a\n", `t.yaml:1: is a list; put it under the key tasks`},
		{"task at the top", "name: a\nplugin: sleep\n", `t.yaml:1: is a task; put it into a list under the key tasks`},
		{"text at the top", "sleep\n", `t.yaml:1: wants a mapping, not "sleep"`},
		{"unknown key", "task:\n- name: a\n", `t.yaml:1: task: is no known key; a tasks file has tasks, and x-… for anchors`},
		{"tasks that are no list", "tasks: {a: b}\n", `t.yaml:1: tasks: wants a list, not a mapping`},
		{"task that is none", "tasks:\n- sleep\n", `t.yaml:2: tasks[0]: wants a mapping, not "sleep"`},
		{"no name", "tasks:\n- plugin: sleep\n", `t.yaml:2: tasks[0].name: is missing; a task in a file needs a name`},
		{"empty name", "tasks:\n- plugin: sleep\n  name: \"\"\n", `t.yaml:3: tasks[0].name: is missing; a task in a file needs a name`},
		{"name without a value", "tasks:\n- plugin: sleep\n  name:\n", `t.yaml:3: tasks[0].name: is missing; a task in a file needs a name`},
		{"name twice", valid + "- plugin: sleep\n  name: a\n", `t.yaml:4: tasks[1].name: "a" is the name of another task, t.yaml:2; choose another`},
		{"name twice, in another document", valid + "---\n" + valid, `t.yaml:5: tasks[0].name: "a" is the name of another task, t.yaml:2; choose another`},
		{"unknown field", "tasks:\n- name: a\n  plugin: sleep\n  timout: 1s\n", `t.yaml:4: tasks[0].timout: is no known field; did you mean timeout?`},
		{"duration without a unit", "tasks:\n- name: a\n  plugin: sleep\n  timeout: 5\n",
			`t.yaml:4: tasks[0].timeout: wants a duration with a unit, such as 250ms, 1.5s or 5m, not the number 5`},
		{"mode in short", "tasks:\n- name: a\n  plugin: sleep\n  restart: {mode: always}\n",
			`t.yaml:4: tasks[0].restart.mode: wants RESTART_MODE_ALWAYS, not "always"`},
		{"syntax", "tasks:\n- name: a\n plugin: sleep\n", `t.yaml:3: is not YAML: did not find expected key, while parsing a block mapping that begins on line 1`},

		{"no plugin", "tasks:\n- name: a\n", `t.yaml:2: tasks[0].plugin: `},
		{"unknown plugin", "tasks:\n- name: a\n  plugin: slep\n", `t.yaml:3: tasks[0].plugin: `},
		{"plugin that is not enabled", "tasks:\n- name: a\n  plugin: exec\n", `t.yaml:3: tasks[0].plugin: `},
		{"bad name", "tasks:\n- name: a b\n  plugin: sleep\n", `t.yaml:2: tasks[0].name: `},
		{"negative duration", "tasks:\n- name: a\n  plugin: sleep\n  timeout: -1s\n", `t.yaml:4: tasks[0].timeout: `},
		{"interval without ALWAYS", "tasks:\n- name: a\n  plugin: sleep\n  restart:\n    interval: 1s\n", `t.yaml:5: tasks[0].restart.interval: `},
		{"empty limit", "tasks:\n- name: a\n  plugin: sleep\n  restart: {limit: {count: 1}}\n", `t.yaml:4: tasks[0].restart.limit.window: `},
		{"unknown config key", "tasks:\n- name: a\n  plugin: sleep\n  config:\n    x: 1\n", `t.yaml:5: tasks[0].config.x: `},
		{"label key that has to be quoted", "tasks:\n- name: a\n  plugin: sleep\n  labels:\n    a b: c\n", `t.yaml:5: tasks[0].labels["a b"]: `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			write(t, map[string]string{"t.yaml": tt.text})
			got := strings.TrimSuffix(strings.TrimPrefix(refused(t, "--tasks=t.yaml"), "taskvisord: "), "\n")
			fits := got == tt.want
			if byService := strings.HasSuffix(tt.want, " "); byService {
				fits = strings.HasPrefix(got, tt.want) && len(got) > len(tt.want) && !strings.Contains(got, "\n")
			}
			if !fits {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// "All that is wrong is reported, with file and line": what cannot be read and what the service refuses, of all files, in their order.
func TestAllMistakesOfAllFilesAreReported(t *testing.T) {
	write(t, map[string]string{
		"tasks/b.yml":  "tasks:\n- name: web\n  plugin: slep\n- plugin: sleep\n",
		"tasks/a.yaml": "tasks:\n- name: web\n  plugin: sleep\n  timeout: -1s\n  zzz: 1\n- name: db\n  plugin: sleep\n  timeout: -1s\n",
		"tasks/c.json": "{\"tasks\": [\n {\"name\": \"db\"}\n]}",
	})
	want := []string{
		"taskvisord: 7 problems:",
		"  tasks/a.yaml:5: tasks[0].zzz: ",
		"  tasks/a.yaml:8: tasks[1].timeout: ",
		"  tasks/b.yml:2: tasks[0].name: ",
		"  tasks/b.yml:3: tasks[0].plugin: ",
		"  tasks/b.yml:4: tasks[1].name: ",
		"  tasks/c.json:2: tasks[0].name: ",
		"  tasks/c.json:2: tasks[0].plugin: ",
	}
	got := strings.Split(strings.TrimSuffix(refused(t, "--tasks=tasks"), "\n"), "\n")
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTasksThatCannotBeRead(t *testing.T) {
	write(t, map[string]string{"tasks/a.yaml": "tasks:\n"})
	if err := os.Symlink("gone.yaml", "tasks/b.yaml"); err != nil {
		t.Fatal(err)
	}
	if got, want := refused(t, "--tasks=tasks"), "taskvisord: --tasks: stat tasks/b.yaml: no such file or directory\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := refused(t, "--tasks=nope"), "taskvisord: --tasks: stat nope: no such file or directory\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A file that never ends is read no further than to the limit.
func TestTasksFileThatIsTooLong(t *testing.T) {
	if got := refused(t, "--tasks=/dev/zero"); got != "taskvisord: /dev/zero: has more than 16777216 bytes, which is all that is read; split it\n" {
		t.Errorf("got %s", got)
	}
}

func TestMoreTasksThanAllowed(t *testing.T) {
	write(t, map[string]string{"t.yaml": "tasks:\n- {name: a, plugin: sleep}\n- {name: b, plugin: sleep}\n"})
	const want = "taskvisord: --tasks: 2 tasks are declared, and --max-tasks allows 1; raise it, or declare fewer\n"
	if got := refused(t, "--tasks=t.yaml", "--max-tasks=1"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A directory as Kubernetes makes it of a ConfigMap: names are links through ..data to a hidden directory.
func TestTasksFilesOfADirectory(t *testing.T) {
	write(t, map[string]string{
		"tasks/..2026/b.yaml": "", "tasks/..2026/a.JSON": "", "tasks/c.yml": "", "tasks/README.md": "", "tasks/.hidden.yaml": "", "tasks/d.yaml/e.yaml": "",
	})
	for link, target := range map[string]string{"..data": "..2026", "b.yaml": "..data/b.yaml", "a.JSON": "..data/a.JSON"} {
		if err := os.Symlink(target, filepath.Join("tasks", link)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := taskFiles("tasks")
	if want := "[tasks/a.JSON tasks/b.yaml tasks/c.yml]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %q, %v, want %s", got, err, want)
	}
}

// Documents, anchors under keys that begin with x-, lists whose tasks are commented out, and JSON.
func TestTasksFilesAreAdded(t *testing.T) {
	write(t, map[string]string{
		"tasks/a.yaml": "x-base: &base {plugin: sleep, config: {duration: 1h}}\ntasks:\n- {name: a, <<: *base}\n---\ntasks:\n---\ntasks:\n- {name: b, <<: {plugin: sleep, config: {duration: 1h}}}\n",
		"tasks/b.json": `{"tasks": [{"name": "c", "plugin": "sleep", "config": {"duration": "1h"}, "restart": {"maxRetries": 3}}]}`,
		"tasks/c.yaml": "# nothing yet\n",
	})
	r := launch(t, Plugins(builtIn), "--tasks=tasks")
	if line := r.await(t, "ready"); !strings.HasSuffix(line, " tasks=3\n") {
		t.Errorf("ready line %q", line)
	}
	for _, name := range []string{"a", "b", "c"} {
		r.await(t, fmt.Sprintf("%-21s %-8s #1", "TASK_STARTING", name))
	}
}

func TestNoTasksAreDeclared(t *testing.T) {
	write(t, map[string]string{"empty/README.md": "", "t.yaml": "tasks:\n"})
	for path, files := range map[string]int{"empty": 0, "t.yaml": 1} {
		r := launch(t, Plugins(builtIn), "--tasks="+path)
		r.await(t, fmt.Sprintf("WARN  no tasks are declared in %s (%d files)\n", path, files))
		r.await(t, "ready")
	}
}

func FuzzTasksFile(f *testing.F) {
	f.Add("t.yaml", []byte("x-a: &a {plugin: sleep}\ntasks:\n- {name: a, <<: *a}\n---\ntasks: [{}]\n"))
	f.Add("t.json", []byte(`{"tasks": [{"name": "a", "labels": {"a b": "c"}}, {"name": "a"}]} []`))
	f.Add("t.yaml", []byte("tasks: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		d := &declaration{names: map[string]place{}}
		d.add(name, data)
		if d.problems() == nil && len(d.tasks) != len(d.names) {
			t.Errorf("%d tasks are fine, but have %d names", len(d.tasks), len(d.names))
		}
		for i := range d.tasks {
			d.tasks[i].reportField("task.config[0].x", "is judged by the service")
		}
		for _, p := range d.problems() {
			if p.File != name || p.Text == "" {
				t.Errorf("bad problem %#v", p)
			}
		}
	})
}
