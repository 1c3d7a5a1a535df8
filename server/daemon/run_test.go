package daemon

import (
	"errors"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Variables that look like settings and are none are told of, and no more.
func TestUnknownVariablesAreWarnedOf(t *testing.T) {
	r := launchIn(t, []string{"TASKVISOR_GRASE=1s", "TASKVISOR_ZZZ=1", "TASKVISOR_TASK=x", "TASKVISOR_PORT=tcp://10.0.0.1:7700"}, Plugins(builtIn))
	r.await(t, "ready")
	var warnings []string
	for _, line := range timeless(r.stderr.String()) {
		if strings.HasPrefix(line, "WARN") {
			warnings = append(warnings, line)
		}
	}
	checkLines(t, warnings, []string{
		"WARN  the environment variable TASKVISOR_GRASE is no setting; did you mean TASKVISOR_GRACE?",
		"WARN  the environment variable TASKVISOR_ZZZ is no setting; see --help for those that there are",
	})
}

func TestSettingsOfTheEnvironment(t *testing.T) {
	write(t, map[string]string{"c.yaml": "log-level: error\n"})
	r := launchIn(t, []string{"TASKVISOR_CONFIG=c.yaml", "TASKVISOR_PLUGINS=exec", "TASKVISOR_EXEC_ALLOW=date", "TASKVISOR_LOG_LEVEL=info"}, Plugins(builtIn))
	if line := r.await(t, "ready"); !strings.HasSuffix(line, " plugins=exec tasks=0\n") {
		t.Errorf("ready line %q", line)
	}
}

func TestMistakesOfTheEnvironmentNameTheVariable(t *testing.T) {
	write(t, map[string]string{"t.yaml": "tasks: 3\n"})
	for env, want := range map[string]string{
		"TASKVISOR_CONFIG=nope":       "TASKVISOR_CONFIG: open nope: no such file or directory",
		"TASKVISOR_TASKS=nope":        "TASKVISOR_TASKS: stat nope: no such file or directory",
		"TASKVISOR_LISTEN=0.0.0.0:1":  "TASKVISOR_LISTEN: 0.0.0.0:1 is not a loopback address",
		"TASKVISOR_SOCKET=/no/such/s": "TASKVISOR_SOCKET: the directory /no/such does not exist",
		"TASKVISOR_PLUGINS=exec":      "TASKVISOR_PLUGINS: exec runs only commands that are allowed",
		"TASKVISOR_LISTEN=none":       "TASKVISOR_LISTEN: there is nothing to listen on",
	} {
		args := []string{"--listen=127.0.0.1:0"}
		if strings.HasPrefix(env, "TASKVISOR_LISTEN") {
			args = nil
		}
		if code, _, stderr := once(t, []string{env}, args...); code == ExitClean || !strings.HasPrefix(stderr, "taskvisord: "+want) {
			t.Errorf("%s: exit code %d, %s", env, code, stderr)
		}
	}
}

// A daemon of one's own has its own name, and says what is wrong with its list of plugins.
func TestDaemonOfOnesOwn(t *testing.T) {
	list := func(Settings) ([]plugin.Plugin, error) { return nil, errors.New("no such widget") }
	r := launch(t, Plugins(list), "--exec-allow=x")
	if code := r.exit(); code != ExitUsage || r.stderr.String() != "taskvisord: --exec-allow: no such widget\n" {
		t.Errorf("exit code %d, %s", code, r.stderr)
	}
	r = launch(t, Name("widgetd"), "--nope")
	if code := r.exit(); code != ExitUsage || r.stderr.String() != "widgetd: unknown flag: --nope; see widgetd --help\n" {
		t.Errorf("exit code %d, %s", code, r.stderr)
	}
	r = launch(t, Name("widgetd"))
	if line := r.await(t, "ready"); !strings.HasSuffix(line, ` version=v1.2.3 plugins="" tasks=0`+"\n") {
		t.Errorf("ready line %q", line)
	}
}
