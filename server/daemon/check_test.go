package daemon

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// wantCheck runs "config check" and compares what it prints.
func wantCheck(t *testing.T, env, args []string, code int, stdout, stderr string) {
	t.Helper()
	gotCode, gotOut, gotErr := once(t, env, append([]string{"config", "check"}, args...)...)
	if gotCode != code || gotOut != stdout || gotErr != stderr {
		t.Errorf("exit code %d, stdout\n%s\nstderr\n%s\nwant %d and\n%s\nand\n%s", gotCode, gotOut, gotErr, code, stdout, stderr)
	}
}

// What is good is said in a line, with when it will not be any more.
func TestCheckOfGoodSettings(t *testing.T) {
	write(t, map[string]string{
		"c.yaml": "tasks: t.yaml\nplugins: [sleep]\ngrace: 3s\n", "tokens": tokensYAML,
		"t.yaml": "tasks:\n- {name: a, plugin: sleep}\n- {name: b, plugin: sleep}\n", "empty.yaml": "tasks:\n",
	})
	wantCheck(t, nil, nil, ExitClean, "taskvisord: the settings are good: tasks=0 plugins=sleep\n", "")
	wantCheck(t, nil, []string{"--config=c.yaml"}, ExitClean, "taskvisord: the settings are good: tasks=2 plugins=sleep\n", "")
	wantCheck(t, []string{"TASKVISOR_CONFIG=c.yaml"}, []string{"--plugins=sleep,exec", "--exec-allow=date"}, ExitClean,
		"taskvisord: the settings are good: tasks=2 plugins=exec,sleep\n", "")
	// The command may come after the flags, too: those of a service are put in front of nothing.
	code, stdout, stderr := once(t, nil, "--config", "c.yaml", "config", "check")
	if code != ExitClean || !strings.Contains(stdout, "tasks=2") || stderr != "" {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}

	putPair(t, servertest.NewCA(t), "daemon")
	code, stdout, stderr = once(t, nil, "config", "check", "--tls-cert=crt", "--tls-key=key", "--auth-tokens=tokens", "--listen=0.0.0.0:1")
	if code != ExitClean || !strings.Contains(stdout, "plugins=sleep certificate_expires=20") || stderr != "" {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
}

// The warnings of a start are told, and are no reason to fail.
func TestCheckWarns(t *testing.T) {
	write(t, map[string]string{"t.yaml": "tasks:\n", "tokens": tokensYAML})
	if err := os.Chmod("tokens", 0o644); err != nil {
		t.Fatal(err)
	}
	wantCheck(t, []string{"TASKVISOR_GRASE=1"}, []string{"--tasks=t.yaml", "--insecure", "--http-listen=0.0.0.0:1"}, ExitClean,
		"taskvisord: the settings are good: tasks=0 plugins=sleep\n",
		"taskvisord: warning: the environment variable TASKVISOR_GRASE is no setting; did you mean TASKVISOR_GRACE?\n"+
			"taskvisord: warning: no tasks are declared in t.yaml (1 files)\n"+
			"taskvisord: warning: 0.0.0.0:1: whoever reaches this address sees the tasks and the memory of the daemon: nothing on it is encrypted or authenticated\n")
	wantCheck(t, nil, []string{"--auth-tokens=tokens"}, ExitClean, "taskvisord: the settings are good: tasks=0 plugins=sleep\n",
		"taskvisord: warning: --auth-tokens: tokens can be read by all users of this machine, and has tokens in it; chmod 600 protects them, token_sha256 hides them\n")
}

// Each mistake that can be seen without a start, with the exact message.
func TestCheckFindsEachMistake(t *testing.T) {
	write(t, map[string]string{
		"c.yaml": "grace: 1s\ngrase: 2s\n", "plugin.yaml": "tasks:\n\n- {name: a, plugin: slep}\n", "twice.yaml": "tasks:\n- {name: a, plugin: sleep}\n- {name: a, plugin: sleep}\n",
		"exec.yaml": "tasks:\n- {name: a, plugin: exec, config: {command: [ls]}}\n", "config.yaml": "tasks:\n- {name: a, plugin: sleep, config: {duration: -1s}}\n",
		"tokens": "tokens:\n- {name: a, role: king, token: token-token-token}\n", "file": "",
	})
	ca, other := servertest.NewCA(t), servertest.NewCA(t)
	putPair(t, ca, "daemon")
	_, key := other.Issue(t, "other")
	put(t, "other-key", key)
	old, key := ca.Issue(t, "old", servertest.Expired)
	put(t, "old-crt", old)
	put(t, "old-key", key)
	for args, want := range map[string]string{
		"--config=c.yaml":                       `c.yaml:2: grase: is no known field; did you mean grace?`,
		"--config=none":                         `--config: open none: no such file or directory`,
		"--listen=none":                         `--listen: there is nothing to listen on; give an address or --socket PATH`,
		"--listen=7700":                         `--listen: "7700" is not HOST:PORT; write 127.0.0.1:7700`,
		"--listen=0.0.0.0:1":                    `--listen: 0.0.0.0:1 is not a loopback address, and nothing on it would be encrypted or authenticated; give --tls-cert`,
		"--http-listen=192.0.2.1:1":             `--http-listen: 192.0.2.1:1 is not a loopback address, and nothing on it would be`,
		"--http-listen=127.0.0.1:7700":          `--http-listen: 127.0.0.1:7700 is taken by --listen already; choose another port`,
		"--health-listen=0.0.0.0:7700":          `--health-listen: 0.0.0.0:7700 is taken by --listen already; choose another port`,
		"--tls-cert=crt":                        `--tls-cert: the certificate needs its key; give --tls-key FILE`,
		"--tls-cert=none --tls-key=key":         `--tls-cert: stat none: no such file or directory`,
		"--tls-cert=file --tls-key=key":         `--tls-cert: file: has no certificate; it has to be in PEM`,
		"--tls-cert=crt --tls-key=other-key":    `--tls-key: other-key: private key does not match public key; it has to have the key of the first certificate in crt`,
		"--tls-cert=old-crt --tls-key=old-key":  `--tls-cert: old-crt: the certificate of "old" expired on 20`,
		"--auth-tokens=tokens":                  `tokens:2: tokens[0].role: "king" is no role; give one of watch, operate, admin`,
		"--tasks=none":                          `--tasks: stat none: no such file or directory`,
		"--tasks=plugin.yaml":                   `plugin.yaml:3: tasks[0].plugin: no plugin is named "slep"; did you mean "sleep"? known plugins: exec, sleep`,
		"--tasks=twice.yaml":                    `twice.yaml:3: tasks[1].name: "a" is the name of another task, twice.yaml:2; choose another`,
		"--tasks=config.yaml":                   `config.yaml:2: tasks[0].config.duration: `,
		"--tasks=exec.yaml":                     `exec.yaml:2: tasks[0].plugin: `,
		"--tasks=exec.yaml --exec-allow=date":   `exec.yaml:2: tasks[0].config.command[0]: "ls" is not allowed, only date`,
		"--plugins=slep":                        `--plugins: no plugin is named "slep"; did you mean "sleep"?`,
		"--plugins=exec":                        `--plugins: exec runs only commands that are allowed; give --exec-allow COMMAND`,
		"--exec-allow=./x":                      `--exec-allow: glob "./x" would match no command: it is a relative path`,
		"--socket=.":                            `--socket: . is a directory; give the path of a socket in it, such as taskvisord.sock`,
		"--socket=file":                         `--socket: file exists and is no socket; remove it, or choose another path`,
		"--socket=no/s":                         `--socket: the directory no does not exist; create it`,
		"--socket=file/s":                       `--socket: lstat file/s: not a directory`,
		"--max-tasks=1 --tasks=many.yaml":       `--tasks: 2 tasks are declared, and --max-tasks allows 1; raise it, or declare fewer`,
		"--log-format=json --max-tasks=0":       `--max-tasks: "0" is not a whole number from 1 to 10000000`, // for people all the same
		"--tls-cert=crt --tls-key=key --listen": `flag needs an argument: --listen`,
	} {
		t.Run(args, func(t *testing.T) {
			put(t, "many.yaml", []byte("tasks:\n- {name: a, plugin: sleep}\n- {name: b, plugin: sleep}\n"))
			code, stdout, stderr := once(t, nil, append([]string{"config", "check"}, strings.Fields(args)...)...)
			if code != ExitUsage || stdout != "" || !strings.HasPrefix(stderr, "taskvisord: "+want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d, stdout %q, stderr\n%swant %d and\n%s", code, stdout, stderr, ExitUsage, want)
			}
		})
	}
}

// "All that is wrong is printed": of the settings, and of all files that they name.
func TestCheckFindsAllMistakes(t *testing.T) {
	files := map[string]string{
		"c.yaml": "tls-cert: none.crt\ntls-key: none.key\nauth-tokens: tokens\ntasks: tasks\nlisten: 0.0.0.0:7700\nhealth-listen: 127.0.0.1:7700\nsocket: no/s\n",
		"tokens": "tokens:\n- {name: a}\n", "tasks/a.yaml": "tasks:\n- {name: a, plugin: slep}\n- {name: b, plugin: sleep, restart: {mod: x}}\n", "tasks/b.yaml": "tasks: 3\n",
	}
	write(t, files)
	wantCheck(t, nil, []string{"--config=c.yaml"}, ExitUsage, "", `taskvisord: 9 problems:
  c.yaml:1: tls-cert: stat none.crt: no such file or directory
  c.yaml:2: tls-key: stat none.key: no such file or directory
  tokens:2: tokens[0].role: is missing
  tokens:2: tokens[0]: wants one of token and token_sha256
  tasks/a.yaml:2: tasks[0].plugin: no plugin is named "slep"; did you mean "sleep"? known plugins: exec, sleep
  tasks/a.yaml:3: tasks[1].restart.mod: is no known field; did you mean mode?
  tasks/b.yaml:1: tasks: wants a list, not the number 3
  c.yaml:6: health-listen: 127.0.0.1:7700 is taken by c.yaml:5: listen already; choose another port
  c.yaml:7: socket: the directory no does not exist; create it
`)
	// Where settings are wrong, nothing is guessed: which plugins there are, say.
	files["c.yaml"] += "grase: 1\n"
	write(t, files)
	wantCheck(t, nil, []string{"--config=c.yaml", "--max-tasks=0"}, ExitUsage, "", `taskvisord: 8 problems:
  c.yaml:8: grase: is no known field; did you mean grace?
  --max-tasks: "0" is not a whole number from 1 to 10000000
  c.yaml:1: tls-cert: stat none.crt: no such file or directory
  c.yaml:2: tls-key: stat none.key: no such file or directory
  tokens:2: tokens[0].role: is missing
  tokens:2: tokens[0]: wants one of token and token_sha256
  tasks/a.yaml:3: tasks[1].restart.mod: is no known field; did you mean mode?
  tasks/b.yaml:1: tasks: wants a list, not the number 3
`)
}

// A start tells as much: all that is wrong with the files of all settings.
func TestAStartTellsWhatIsWrongWithAllFiles(t *testing.T) {
	write(t, map[string]string{"tokens": "tokens:\n- {name: a}\n", "t.yaml": "tasks:\n- {name: a, plugin: slep}\n"})
	code, _, stderr := once(t, nil, "--auth-tokens=tokens", "--tasks=t.yaml", "--tls-cert=crt", "--tls-key=key")
	for _, want := range []string{"5 problems", "--tls-cert: stat crt", "--tls-key: stat key", "tokens:2: tokens[0].role", "t.yaml:2: tasks[0].plugin"} {
		if code != ExitUsage || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, no %q in\n%s", code, want, stderr)
		}
	}
}

// "No address is listened on, nothing is changed": a daemon that runs with these settings does not mind.
func TestCheckBesideADaemon(t *testing.T) {
	write(t, nil)
	leaveSocket(t, "stale")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	used, err := net.Listen("unix", "used")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	for _, socket := range []string{"used", "stale"} {
		wantCheck(t, nil, []string{"--listen=" + taken.Addr().String(), "--socket=" + socket}, ExitClean, "taskvisord: the settings are good: tasks=0 plugins=sleep\n", "")
		if _, err := os.Lstat(socket); err != nil {
			t.Error(err)
		}
	}
}

// A daemon that is built wrongly is no mistake of who runs it.
func TestCheckOfABrokenDaemon(t *testing.T) {
	var stdout, stderr strings.Builder
	twice := Plugins(func(s Settings) ([]plugin.Plugin, error) {
		list, err := builtIn(s)
		return append(list, list...), err
	})
	code := Run(t.Context(), Process{Args: []string{"config", "check"}, Stdout: &stdout, Stderr: &stderr}, twice, Name("greeterd"))
	if code != ExitFailure || stdout.String() != "" || !strings.HasPrefix(stderr.String(), "greeterd: ") {
		t.Errorf("exit code %d, %s%s", code, &stdout, &stderr)
	}
}

func TestConfigNeedsACommand(t *testing.T) {
	for args, want := range map[string]string{
		"config": "config: give the command check", "config chek": `config: "chek" is no command; there is check`,
		"config check now":        `"now" is neither a flag nor a command; see taskvisord config check --help`,
		"config check --grase=1s": "unknown flag: --grase; did you mean --grace?",
	} {
		code, stdout, stderr := once(t, nil, strings.Fields(args)...)
		if code != ExitUsage || stdout != "" || stderr != "taskvisord: "+want+"\n" {
			t.Errorf("%s: exit code %d, %s%s", args, code, stdout, stderr)
		}
	}
	code, stdout, stderr := once(t, nil, "config", "check", "--help")
	if code != ExitClean || stderr != "" || !strings.Contains(stdout, checkHelp) || !strings.Contains(stdout, "--tasks PATH") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
}
