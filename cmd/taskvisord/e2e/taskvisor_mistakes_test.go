//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// person runs taskvisor in a folder with files, and an environment.
type person struct {
	dir     string
	environ []string
}

// newPerson returns one with the files, and with no settings but what these tests give.
func newPerson(t *testing.T, files map[string]string) *person {
	t.Helper()
	p := &person{dir: t.TempDir()}
	p.environ = []string{"XDG_CONFIG_HOME=" + p.dir}
	for name, text := range files {
		path := filepath.Join(p.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// slip is a command that goes wrong: what it says, and its exit code. Nothing is to be on its standard output.
type slip struct {
	what    string
	environ []string
	args    []string
	code    int
	says    []string
}

func (p *person) makes(t *testing.T, slips []slip) {
	t.Helper()
	for _, m := range slips {
		run := startCommand(t, func(ctx context.Context) *exec.Cmd {
			cmd := exec.CommandContext(ctx, "env", slices.Concat(p.environ, m.environ, []string{bin.taskvisor}, m.args)...)
			cmd.Dir = p.dir
			return cmd
		})
		if code := run.exit(t); code != m.code || run.stdout.String() != "" {
			t.Errorf("%s: exit code %d, want %d\n%s", m.what, code, m.code, run.output())
		}
		for _, words := range m.says {
			if said := run.stderr.String(); !strings.Contains(said, words) {
				t.Errorf("%s: it does not say %q, but\n%s", m.what, words, said)
			}
		}
		t.Logf("%s\n$ %s taskvisor %s\n%s", m.what, strings.Join(m.environ, " "), strings.Join(m.args, " "), run.stderr.String())
	}
}

// TestMistakesAboutTheServer: a wrong port, a server that is down, two of them, another kind of server.
func TestMistakesAboutTheServer(t *testing.T) {
	t.Parallel()
	d := startDaemon(t)
	nobody := freeAddress(t)
	p := newPerson(t, map[string]string{
		"taskvisor/config.yaml": "server: " + nobody + "\n",
		"portless.yaml":         "timeout: 5s\nserver: localhost\n",
		"typo.yaml":             "timeout: 5s\nsrever: localhost:7700\n",
	})
	crashed := filepath.Join("..", filepath.Base(p.dir), "s") // a socket that a killed daemon leaves behind
	killed := startDaemonIn(t, p.dir, "--socket", "s")
	killed.signal(t, syscall.SIGKILL)
	killed.exit(t)

	p.makes(t, []slip{
		{"a wrong port", nil, []string{"ls", "--server", nobody}, 4, []string{
			"cannot talk to the server at " + nobody + " (as --server says", "nothing listens there", "Is the daemon running, and on this port?",
		}},
		{"a server that is down, in the config file", nil, []string{"ls"}, 4, []string{"taskvisor/config.yaml:1 says", "nothing listens there"}},
		{"the environment goes before the file", []string{"TASKVISOR_SERVER=" + nobody}, []string{"get", "tick"}, 4, []string{"(as TASKVISOR_SERVER says)"}},
		{"a socket that was left behind", nil, []string{"ls", "--server", crashed}, 4, []string{"nobody listens on it: a daemon that was killed left it behind"}},
		{"no socket", nil, []string{"ls", "--server", "./none"}, 4, []string{"there is no such socket"}},
		{"a host that is none", nil, []string{"ls", "--server", "tasks.invalid:7700"}, 4, []string{`no machine is known by the name "tasks.invalid"`}},
		{"two servers, and the task is on the other", []string{"TASKVISOR_SERVER=" + d.addr}, []string{"get", "tick"}, 3, []string{
			`there is no task "tick" at ` + d.addr + " (as TASKVISOR_SERVER says)", "\n  But ", "taskvisor/config.yaml:1 says " + nobody,
		}},
		{"a flag goes before all", []string{"TASKVISOR_SERVER=" + nobody}, []string{"get", "tick", "--server", d.addr}, 3, []string{
			`there is no task "tick" at ` + d.addr + " (as --server says)",
		}},
		{"an empty list, of the wrong server", []string{"TASKVISOR_SERVER=" + d.addr}, []string{"ls"}, 0, []string{"There is no live task at " + d.addr, "\n  But "}},
		{"no port", nil, []string{"ls", "--config", "portless.yaml"}, 2, []string{`target "localhost": the port is missing`, "(as portless.yaml:2 says)"}},
		{"a typo in the config file", nil, []string{"ls", "--config", "typo.yaml"}, 2, []string{"typo.yaml:2: srever: is no known field; did you mean server?"}},
		{"TLS that is not wanted", nil, []string{"ls", "--tls", "--server", d.addr}, 4, []string{"it does not speak TLS", "Leave out --tls"}},
		{"a web page", nil, []string{"ls", "--server", "http://" + d.addr}, 2, []string{"http:// is not how a gRPC server is named"}},
		{"--timeout without a unit", nil, []string{"ls", "--timeout", "5"}, 2, []string{`--timeout: wants a duration such as`, `not "5"`, "See taskvisor ls --help."}},
	})
}

// TestMistakesAboutCredentials: none, a token that was taken back, and one that may not.
func TestMistakesAboutCredentials(t *testing.T) {
	t.Parallel()
	s := startSecured(t)
	p := newPerson(t, map[string]string{
		"old": "eye-token-of-last-year\n", "eye": "eye-token-of-the-test\n", "empty": "\n",
		"ca.crt": read(t, filepath.Join(s.dir, "ca.crt")), "nobody.crt": read(t, filepath.Join(s.dir, "nobody.crt")), "nobody.key": read(t, filepath.Join(s.dir, "nobody.key")),
		"taskvisor/config.yaml": "server: " + s.addr + "\ntls-ca: ../ca.crt\ntls-cert: ../nobody.crt\ntls-key: ../nobody.key\n",
	})
	task := []string{"add", "tick", "--plugin", "sleep"}
	p.makes(t, []slip{
		{"plain text", nil, []string{"ls", "--server", s.addr, "--config", os.DevNull}, 4, []string{"it speaks TLS, and was spoken to in plain text", "Give --tls-ca FILE"}},
		{"nobody trusts the certificate", nil, []string{"ls", "--server", s.addr, "--config", os.DevNull, "--tls"}, 4, []string{"its certificate is signed by nobody that you trust"}},
		{"no certificate", nil, []string{"ls", "--server", s.addr, "--config", os.DevNull, "--tls-ca", "ca.crt"}, 4, []string{"refuses the certificate of this side, or wants one", "--tls-cert"}},
		{"a certificate without a role", nil, []string{"ls"}, 5, []string{"with the certificate of ", "nobody.crt (as ", "config.yaml:3 says)"}},
		{"a token that was taken back", nil, []string{"ls", "--token-file", "old"}, 5, []string{
			"the token is not known; it may be mistyped, or no longer valid", "The server is " + s.addr, "with the token of old (as --token-file says)",
		}},
		{"the same, while waiting", []string{"TASKVISOR_TOKEN_FILE=old"}, []string{"watch"}, 5, []string{"no longer valid", "(as TASKVISOR_TOKEN_FILE says)"}},
		{"no permission", nil, append(task, "--token-file", "eye"), 5, []string{
			"AddTask needs the role operate, and eye has the role watch", "with the token of eye (as --token-file says)",
		}},
		{"no permission to remove", nil, []string{"rm", "tick", "--token-file", "eye"}, 5, []string{"RemoveTask needs the role operate"}},
		{"no token in the file", nil, []string{"ls", "--token-file", "empty"}, 2, []string{`token file "empty" is empty`, "(as --token-file says)"}},
		{"no such file", []string{"TASKVISOR_TOKEN_FILE=none"}, []string{"ls"}, 2, []string{"token file: stat none: no such file", "(as TASKVISOR_TOKEN_FILE says)"}},
		{"a token in plain text", nil, []string{"ls", "--token-file", "eye", "--server", "tasks.invalid:7700", "--config", os.DevNull}, 2, []string{
			"the token of eye (as --token-file says) would be sent in plain text to another machine, tasks.invalid:7700", "--tls-ca FILE",
		}},
	})
}

// TestMistakesAboutTasks: bad names, typos in files and flags, what is taken and what is not there.
func TestMistakesAboutTasks(t *testing.T) {
	t.Parallel()
	d := startDaemon(t)
	p := newPerson(t, map[string]string{
		"typo.yaml":    "name: web\nplugin: sleep\nrestrat: {mode: RESTART_MODE_ALWAYS}\ntimeout: 5\n",
		"tab.yaml":     "name: web\nplugin: sleep\nconfig:\n\tduration: 1s\n",
		"bracket.yaml": "name: [web\nplugin: sleep\n",
		"config.yaml":  "tasks:\n- name: web\n  plugin: sleep\n  config: {duraton: 1h}\n- {name: web 2, plugin: slep}\n",
	})
	p.environ = append(p.environ, "TASKVISOR_SERVER="+d.addr)
	nap := []string{"add", "nap", "--plugin", "sleep", "--set", "duration=1h"}
	if code := start(t, bin.taskvisor, append(nap, "--server", d.addr)...).exit(t); code != 0 {
		t.Fatal("nap cannot be added")
	}
	p.makes(t, []slip{
		{"a bad name", nil, []string{"add", "my task", "--plugin", "sleep"}, 2, []string{`NAME (task.name): "my task" is not a name; use a-z`}},
		{"a name that is taken", nil, nap, 6, []string{"a live task has this name", "--if-exists"}},
		{"a name that nobody has", nil, []string{"get", "nop"}, 3, []string{`there is no task "nop" at ` + d.addr + " (as TASKVISOR_SERVER says); did you mean nap?"}},
		{"a pattern, where one is wanted", nil, []string{"wait", "n*"}, 2, []string{`"n*" is a pattern, and wait is about one task; taskvisor ls 'n*'`}},
		{"an unknown plugin", nil, []string{"add", "x", "--plugin", "slep"}, 2, []string{`no plugin is named "slep"; did you mean "sleep"?`}},
		{"exec is not allowed", nil, []string{"add", "x", "--", "date"}, 5, []string{`plugin "exec" is disabled`, "--exec-allow"}},
		{"a typo in the config", nil, []string{"add", "x", "--plugin", "sleep", "--set", "duraton=1h"}, 2, []string{`task.config.duraton: there is no key "duraton" here; did you mean "duration"?`}},
		{"a typo in a field", nil, []string{"add", "-f", "typo.yaml"}, 2, []string{
			"nothing was done", "typo.yaml:3: restrat: is no known field; did you mean restart?", "typo.yaml:4: timeout: wants a duration with a unit",
		}},
		{"a tab", nil, []string{"add", "-f", "tab.yaml"}, 2, []string{"tab.yaml:4: is indented by a tab, which YAML does not allow; use blanks"}},
		{"a bracket that is open", nil, []string{"add", "-f", "bracket.yaml"}, 2, []string{"bracket.yaml:2: is not YAML", "that begins on line 1"}},
		{"what only the server knows", nil, []string{"add", "-f", "config.yaml"}, 2, []string{
			"config.yaml:4: tasks[0].config.duraton: there is no key", `config.yaml:5: tasks[1].name: "web 2" is not a name`, `config.yaml:5: tasks[1].plugin: no plugin is named "slep"`,
		}},
		{"no such file", nil, []string{"add", "-f", "none.yaml"}, 2, []string{"open none.yaml: no such file"}},
		{"a command without --", nil, []string{"add", "x", "date"}, 2, []string{`a command goes behind --, as in: add x -- date`}},
		{"a flag that is none", nil, []string{"ls", "--selektor", "a=b"}, 2, []string{"unknown flag: --selektor; did you mean --selector?"}},
		{"a verb that is none", nil, []string{"lss"}, 2, []string{`"lss" is neither a flag nor a command; did you mean ls`}},
		{"a state that is none", nil, []string{"ls", "--state", "runing"}, 2, []string{"--state: wants one of queued", `not "runing"`}},
		{"a selector that does not end", nil, []string{"ls", "-l", "a in ("}, 2, []string{"-l (filter.label_selector)"}},
		{"a cursor that is none", nil, []string{"watch", "--since", "yesterday"}, 2, []string{"--since: wants a cursor, EPOCH:SEQUENCE"}},
		{"logs of what writes none", nil, []string{"logs", "nap"}, 0, []string{"does not capture its output: add it with --capture-output"}},
	})
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
