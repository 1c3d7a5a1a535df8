package daemon

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// samples has, for each setting, a value for the file, for the environment and for the flag.
var samples = map[string][3]string{
	"listen":                    {"127.0.0.1:1", "localhost:2", "[::1]:3"},
	"insecure":                  {"true", "false", "true"},
	"socket":                    {"/run/a", "/run/b", "c d"},
	"tls-cert":                  {"a.crt", "b.crt", "/etc/c.crt"},
	"tls-key":                   {"a.key", "b.key", "/etc/c.key"},
	"tls-client-ca":             {"a.crt", "b.crt", "/etc/c.crt"},
	"auth-tokens":               {"a.yaml", "b.json", "/etc/c.yaml"},
	"health-listen":             {"127.0.0.1:1", "none", "[::]:3"},
	"http-listen":               {"127.0.0.1:1", "localhost:2", "[::1]:3"},
	"tasks":                     {"a.yaml", "b.yaml", "c.yaml"},
	"plugins":                   {"exec", "exec,sleep", "exec,http"},
	"exec-allow":                {"sh", "date,sh", "/opt/**"},
	"exec-user":                 {"nobody", "nobody,1000", "1000:1000"},
	"grace":                     {"1s", "2s", "3m0s"},
	"max-concurrent":            {"1", "2", "3"},
	"max-tasks":                 {"1", "2", "3"},
	"slot-queue":                {"1", "2", "3"},
	"retained-tasks":            {"1", "0", "3"},
	"retained-age":              {"1s", "2h0m0s", "3m0s"},
	"output-rate":               {"1", "2", "3"},
	"max-streams":               {"1", "2", "3"},
	"max-connections":           {"1", "2", "3"},
	"output-burst":              {"1", "2", "3"},
	"max-calls-per-connection":  {"10", "11", "12"},
	"max-request-bytes":         {"4096", "5000", "4194304"},
	"request-rate":              {"1", "0", "3"},
	"max-streams-per-principal": {"1", "2", "3"},
	"max-request-ids":           {"1", "2", "3"},
	"keepalive-time":            {"1s", "2s", "3m0s"},
	"keepalive-timeout":         {"1s", "2s", "3m0s"},
	"handshake-timeout":         {"100ms", "2s", "3m0s"},
	"event-buffer":              {"1", "2", "3"},
	"watch-linger":              {"1ms", "0s", "100ms"},
	"log-format":                {"json", "text", "json"},
	"log-level":                 {"debug", "warn", "error"},
}

// companions are flags without which a setting is refused.
var companions = map[string][]string{
	"plugins": {"--exec-allow=sh"}, "exec-user": {"--exec-allow=sh"}, "tls-cert": {"--tls-key=k"}, "tls-key": {"--tls-cert=c"}, "tls-client-ca": {"--tls-cert=c", "--tls-key=k"},
}

// "A setting is taken from its flag, else from its environment variable, else from the config file, else it has its default." Walks the
// table, and all combinations of layers.
func TestPrecedence(t *testing.T) {
	for _, s := range settings() {
		sample, ok := samples[s.name]
		if !ok {
			t.Errorf("%s has no sample", s.name)
			continue
		}
		for layers := range 8 {
			t.Run(fmt.Sprintf("%s %03b", s.name, layers), func(t *testing.T) { testPrecedence(t, s, sample, layers) })
		}
	}
}

func testPrecedence(t *testing.T, s setting, sample [3]string, layers int) {
	files := map[string]string{"c.yaml": "# nothing\n"}
	var env, args []string
	want := s.name + ": " + yamlText(s.def) + " # default"
	if s.def == "" {
		want = s.name + ": # default"
	}
	values := func(i int) string {
		if s.many {
			return yamlList(strings.Split(sample[i], ","))
		}
		return yamlText(sample[i])
	}
	if layers&1 != 0 {
		files["c.yaml"] = "\n" + s.name + ": " + values(0) + "\n"
		want = s.name + ": " + values(0) + " # c.yaml:2"
	}
	if layers&2 != 0 {
		env = append(env, s.env()+"="+sample[1])
		want = s.name + ": " + values(1) + " # " + s.env()
	}
	if layers&4 != 0 {
		args = append(args, "--"+s.name+"="+sample[2])
		want = s.name + ": " + values(2) + " # --" + s.name
	}
	if layers != 0 {
		args = append(args, companions[s.name]...)
	}
	write(t, files)
	code, stdout, stderr := once(t, env, append(args, "--config=c.yaml", "--print-config")...)
	if code != ExitClean || stderr != "" {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if !slices.Contains(strings.Split(stdout, "\n"), want) {
		t.Errorf("got\n%swant the line\n%s", stdout, want)
	}
}

// What --print-config prints is a config file that means the same.
func TestPrintConfigRoundTrip(t *testing.T) {
	write(t, map[string]string{})
	args := []string{
		"--print-config", "--socket=/tmp/a: b#c", "--plugins=exec,sleep", "--exec-allow=/bin/*", "--exec-allow=null",
		"--grace=90s", "--tasks=null", "--log-level=warn", "--insecure",
		"--listen=127.0.0.1:0", "--tls-cert=a b.crt", "--tls-key=k", "--tls-client-ca=ca", "--auth-tokens=null",
	}
	_, first, stderr := once(t, nil, args...)
	if stderr != "" {
		t.Fatal(stderr)
	}
	write(t, map[string]string{"c.yaml": first})
	_, second, stderr := once(t, nil, "--config=c.yaml", "--print-config")
	if stderr != "" {
		t.Fatal(stderr)
	}
	withoutOrigins := func(text string) (lines []string) {
		for line := range strings.Lines(text) {
			value, _, _ := strings.Cut(line, " # ")
			lines = append(lines, value)
		}
		return lines
	}
	if a, b := withoutOrigins(first), withoutOrigins(second); !slices.Equal(a, b) {
		t.Errorf("got\n%s\nwant\n%s", b, a)
	}
}

// Each value that is wrong, with the exact message.
func TestValueMistakes(t *testing.T) {
	tests := []struct{ arg, want string }{
		{"--listen=7700", `--listen: "7700" is not HOST:PORT; write 127.0.0.1:7700`},
		{"--listen=localhost", `--listen: "localhost" is not HOST:PORT; write an address such as 127.0.0.1:7700 or [::1]:7700, or none`},
		{"--listen=::1:7700", `--listen: "::1:7700" is not HOST:PORT; write an address such as 127.0.0.1:7700 or [::1]:7700, or none`},
		{"--listen=", `--listen: "" is not HOST:PORT; write an address such as 127.0.0.1:7700 or [::1]:7700, or none`},
		{"--listen=localhost:", `--listen: "localhost:" has no port from 0 to 65535; write an address such as 127.0.0.1:7700`},
		{"--listen=localhost:grpc", `--listen: "localhost:grpc" has no port from 0 to 65535; write an address such as 127.0.0.1:7700`},
		{"--listen=localhost:65536", `--listen: "localhost:65536" has no port from 0 to 65535; write an address such as 127.0.0.1:7700`},
		{"--listen=none", `--listen: there is nothing to listen on; give an address or --socket PATH`},
		{"--listen=0.0.0.0:0", `--listen: 0.0.0.0:0 is not a loopback address, and nothing on it would be encrypted or authenticated; give --tls-cert and --tls-key, and --auth-tokens or --tls-client-ca; or listen on 127.0.0.1 or on --socket; or accept the risk with --insecure`},
		{"--listen=:0", `--listen: :0 is not a loopback address, and nothing on it would be encrypted or authenticated; give --tls-cert and --tls-key, and --auth-tokens or --tls-client-ca; or listen on 127.0.0.1 or on --socket; or accept the risk with --insecure`},
		{"--insecure=yes", `--insecure: "yes" is neither true nor false`},
		{"--socket=" + strings.Repeat("x", 200), fmt.Sprintf(`--socket: the path has 200 bytes, and that of a socket may have %d; choose a shorter one`, maxSocketPath)},
		{"--plugins=sleep,Exec", `--plugins: "Exec" cannot be the name of a plugin; write names such as sleep, separated by commas`},
		{"--plugins=sleep,http", `--plugins: no plugin is named "http"; known plugins: exec, sleep`},
		{"--plugins=slep", `--plugins: no plugin is named "slep"; did you mean "sleep"? known plugins: exec, sleep`},
		{"--plugins=exec", `--plugins: exec runs only commands that are allowed; give --exec-allow COMMAND for each, such as --exec-allow date`},
		{"--exec-allow=./x", `--exec-allow: glob "./x" would match no command: it is a relative path; give a name without / or an absolute path`},
		{"--exec-user=nobody", `--exec-user: users are allowed, but no commands; give --exec-allow COMMAND for each, or allow no users`},
		{"--exec-user=a:b:c", `--exec-user: "a:b:c" is neither USER nor USER:GROUP; write names or numbers, such as nobody or 1000:1000`},
		{"--exec-user=:1", `--exec-user: ":1" is neither USER nor USER:GROUP; write names or numbers, such as nobody or 1000:1000`},
		{"--grace=10", `--grace: "10" is not a duration; write one such as 10s or 1m30s`},
		{"--grace=0s", `--grace: "0s" is out of range; write more than 0s and at most 24h`},
		{"--grace=-1s", `--grace: "-1s" is out of range; write more than 0s and at most 24h`},
		{"--grace=25h", `--grace: "25h" is out of range; write more than 0s and at most 24h`},
		{"--max-concurrent=-1", `--max-concurrent: "-1" is not a whole number from 0 to 1000000`},
		{"--max-concurrent=", `--max-concurrent: "" is not a whole number from 0 to 1000000`},
		{"--max-tasks=0", `--max-tasks: "0" is not a whole number from 1 to 10000000`},
		{"--max-tasks=1e3", `--max-tasks: "1e3" is not a whole number from 1 to 10000000`},
		{"--event-buffer=99999999999999999999", `--event-buffer: "99999999999999999999" is not a whole number from 1 to 67108864`},
		{"--slot-queue=0", `--slot-queue: "0" is not a whole number from 1 to 10000000`},
		{"--retained-tasks=-1", `--retained-tasks: "-1" is not a whole number from 0 to 10000000`},
		{"--retained-age=1ms", `--retained-age: "1ms" is out of range; write 1s to 720h`},
		{"--output-rate=0", `--output-rate: "0" is not a whole number from 1 to 1000000`},
		{"--max-streams=0", `--max-streams: "0" is not a whole number from 1 to 1000000`},
		{"--max-connections=0", `--max-connections: "0" is not a whole number from 1 to 1000000`},
		{"--max-streams-per-principal=0", `--max-streams-per-principal: "0" is not a whole number from 1 to 1000000`},
		{"--output-burst=0", `--output-burst: "0" is not a whole number from 1 to 1000000`},
		{"--max-calls-per-connection=9", `--max-calls-per-connection: "9" is not a whole number from 10 to 1000000`},
		{"--max-request-bytes=4MiB", `--max-request-bytes: "4MiB" is not a whole number from 4096 to 4194304`},
		{"--max-request-bytes=4194305", `--max-request-bytes: "4194305" is not a whole number from 4096 to 4194304`},
		{"--request-rate=-1", `--request-rate: "-1" is not a whole number from 0 to 1000000`},
		{"--request-rate=10/s", `--request-rate: "10/s" is not a whole number from 0 to 1000000`},
		{"--max-request-ids=0", `--max-request-ids: "0" is not a whole number from 1 to 10000000`},
		{"--keepalive-time=0s", `--keepalive-time: "0s" is out of range; write 1s to 24h`},
		{"--keepalive-timeout=25h", `--keepalive-timeout: "25h" is out of range; write 1s to 24h`},
		{"--handshake-timeout=99ms", `--handshake-timeout: "99ms" is out of range; write 100ms to 24h`},
		{"--watch-linger=5", `--watch-linger: "5" is not a duration; write one such as 10s or 1m30s`},
		{"--watch-linger=-1ms", `--watch-linger: "-1ms" is out of range; write 0s to 100ms`},
		{"--watch-linger=1s", `--watch-linger: "1s" is out of range; write 0s to 100ms`},
		{"--log-format=xml", `--log-format: "xml" is not one of text, json`},
		{"--log-level=INFO", `--log-level: "INFO" is not one of debug, info, warn, error`},
		{"--tasks=nope", `--tasks: stat nope: no such file or directory`},
		{"--config=nope", `--config: open nope: no such file or directory`},
		{"--config=.", `--config: read .: is a directory`},
		{"--config=", `--config: the path is empty; give that of a file`},
	}
	for _, tt := range tests {
		t.Run(tt.arg[:min(len(tt.arg), 40)], func(t *testing.T) {
			write(t, nil)
			code, stdout, stderr := once(t, nil, tt.arg)
			if want := "taskvisord: " + tt.want + "\n"; code != ExitUsage || stdout != "" || stderr != want {
				t.Errorf("exit code %d, stdout %q, stderr\n%swant %d and\n%s", code, stdout, stderr, ExitUsage, want)
			}
		})
	}
}

// Mistakes in what is no value.
func TestCommandLineMistakes(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"--nope"}, "unknown flag: --nope; see taskvisord --help"},
		{[]string{"--max_task=3"}, "unknown flag: --max_task; did you mean --max-tasks?"},
		{[]string{"-x"}, "unknown shorthand flag: 'x' in -x; see taskvisord --help"},
		{[]string{"--grace"}, "flag needs an argument: --grace"},
		{[]string{"--version=3"}, `--version: "3" is neither true nor false`},
		{[]string{"completion"}, "completion: give one of bash, fish, powershell, zsh"},
		{[]string{"completion", "dash"}, "completion: give one of bash, fish, powershell, zsh"},
		{[]string{"run"}, `"run" is neither a flag nor a command; see taskvisord --help`},
		{[]string{"version", "now"}, `"now" is neither a flag nor a command; see taskvisord version --help`},
		{[]string{"--plugins=sleep", "--exec-allow=date"}, "--exec-allow: commands are allowed, but exec is not among the plugins of --plugins; add exec there, or allow no commands"},
		{[]string{"--tls-cert=x"}, "--tls-cert: the certificate needs its key; give --tls-key FILE"},
		{[]string{"--tls-key=x"}, "--tls-key: the key needs its certificate; give --tls-cert FILE"},
		{[]string{"--tls-client-ca=x"}, "--tls-client-ca: certificates of clients need TLS; give --tls-cert FILE and --tls-key FILE as well"},
		{[]string{"--tls-cert=x", "--tls-key=y", "--listen=none", "--socket=s"}, "--tls-cert: TLS is for --listen, which is none; give an address, or no certificate"},
	}
	for _, later := range []string{"state-dir"} {
		tests = append(tests, struct {
			args []string
			want string
		}{[]string{"--" + later + "=x"}, "unknown flag: --" + later + "; see taskvisord --help"})
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			code, stdout, stderr := once(t, nil, tt.args...)
			if want := "taskvisord: " + tt.want + "\n"; code != ExitUsage || stdout != "" || stderr != want {
				t.Errorf("exit code %d, stdout %q, stderr\n%swant %d and\n%s", code, stdout, stderr, ExitUsage, want)
			}
		})
	}
}

// "Nothing is started when a setting or a tasks file is wrong: all that is wrong is reported, with file and line."
func TestAllMistakesAreReported(t *testing.T) {
	write(t, map[string]string{"c.yaml": "grace: 5\nmax_tasks: 3\nlisten: [a]\nexec-allow: sh\ngrace: 2s\nplugins: [sleep, {}]\nsocket:\nlog-level:\n  a: b\nzzz: 1\n---\n{}\n"})
	code, _, stderr := once(t, []string{"TASKVISOR_MAX_CONCURRENT=many", "TASKVISOR_CONFIG=c.yaml", "TASKVISOR_GRACE="}, "--event-buffer=0", "--grace=1")
	const want = `taskvisord: 12 problems:
  c.yaml:1: grace: "5" is not a duration; write one such as 10s or 1m30s
  c.yaml:2: max_tasks: is no known field; did you mean max-tasks?
  c.yaml:3: listen: wants a single value, not a list
  c.yaml:4: exec-allow: wants a list, not "sh"
  c.yaml:5: grace: is given twice, first on line 1; remove one
  c.yaml:6: plugins[1]: wants a single value, not a mapping
  c.yaml:9: log-level: wants a single value, not a mapping
  c.yaml:10: zzz: is no known field; there are listen, insecure, tls-cert, tls-key, tls-client-ca, auth-tokens, socket, health-listen, http-listen, tasks, plugins, exec-allow, exec-user, grace, max-concurrent, max-tasks, slot-queue, retained-tasks, retained-age, output-rate, output-burst, max-connections, max-calls-per-connection, max-request-bytes, max-streams, max-streams-per-principal, request-rate, max-request-ids, keepalive-time, keepalive-timeout, handshake-timeout, event-buffer, watch-linger, log-format, log-level
  c.yaml:12: is a second document; a config file has one
  --grace: "1" is not a duration; write one such as 10s or 1m30s
  TASKVISOR_MAX_CONCURRENT: "many" is not a whole number from 0 to 1000000
  --event-buffer: "0" is not a whole number from 1 to 67108864
`
	if code != ExitUsage || stderr != want {
		t.Errorf("exit code %d, stderr\n%s\nwant %d and\n%s", code, stderr, ExitUsage, want)
	}
}

// A config file that is covered by a flag is still read: its mistakes are told before they matter.
func TestMistakeThatIsCovered(t *testing.T) {
	code, _, stderr := once(t, []string{"TASKVISOR_GRACE=soon"}, "--grace=1s")
	const want = "taskvisord: TASKVISOR_GRACE: \"soon\" is not a duration; write one such as 10s or 1m30s\n"
	if code != ExitUsage || stderr != want {
		t.Errorf("exit code %d, stderr %s", code, stderr)
	}
}

func TestEnvironment(t *testing.T) {
	l, configFile, unknown := environment(settings(), []string{
		"PATH=/bin", "TASKVISOR_GRACE=1s", "TASKVISOR_EXEC_ALLOW= date , sh,,", "TASKVISOR_SOCKET=", "TASKVISOR_CONFIG=c.yaml",
		"TASKVISOR_GRASE=1", "TASKVISOR_NOEQUALS", "TASKVISOR_A=b=c",
		// a service named taskvisor in the namespace of the pod
		"TASKVISOR_SERVICE_HOST=10.0.0.1", "TASKVISOR_SERVICE_PORT=7700", "TASKVISOR_SERVICE_PORT_GRPC=7700", "TASKVISOR_PORT=tcp://10.0.0.1:7700",
		"TASKVISOR_PORT_7700_TCP_ADDR=10.0.0.1",
		// a daemon that is a task of another daemon
		"TASKVISOR_TASK=daemon", "TASKVISOR_UID=x", "TASKVISOR_ATTEMPT=1", "TASKVISOR_GUARD=x",
		// settings of the command line
		"TASKVISOR_SERVER=a:1", "TASKVISOR_OUTPUT=json", "TASKVISOR_TIMEOUT=1s", "TASKVISOR_TOKEN_FILE=t", "TASKVISOR_TLS=true", "TASKVISOR_TLS_CA=c",
		"TASKVISOR_CLIENT_CERT=c", "TASKVISOR_CLIENT_KEY=k", "TASKVISOR_TLS_SERVER_NAME=n",
	})
	if got, want := fmt.Sprint(l), "map[exec-allow:{[date sh] TASKVISOR_EXEC_ALLOW} grace:{[1s] TASKVISOR_GRACE}]"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if configFile != "c.yaml" {
		t.Errorf("config file %q", configFile)
	}
	if want := []string{"TASKVISOR_A", "TASKVISOR_GRASE"}; !slices.Equal(unknown, want) {
		t.Errorf("got %q, want %q", unknown, want)
	}
}

func TestHelpNamesAllSettings(t *testing.T) {
	code, stdout, stderr := once(t, nil, "--help")
	if code != ExitClean || stderr != "" {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, s := range settings() {
		if !strings.Contains(stdout, "--"+s.name+" "+s.arg) {
			t.Errorf("the help does not have --%s %s", s.name, s.arg)
		}
	}
	if !strings.Contains(stdout, exitHelp) {
		t.Errorf("the help does not have the exit codes:\n%s", stdout)
	}
	for line := range strings.Lines(stdout) {
		if len(line) > helpWidth+1 {
			t.Errorf("%d bytes are too wide: %s", len(line), line)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, arg := range []string{"version", "--version"} {
		code, stdout, stderr := once(t, nil, arg)
		if code != ExitClean || stderr != "" || !strings.HasPrefix(stdout, "taskvisord v1.2.3 (go") || strings.Count(stdout, "\n") != 1 {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", arg, code, stdout, stderr)
		}
	}
}

// "Default, also for "": that of its main module."
func TestVersionByDefault(t *testing.T) {
	if a, b := newOptions(nil).version, newOptions([]Option{Version("")}).version; a != moduleVersion() || b != a {
		t.Errorf("got %q and %q, want %q", a, b, moduleVersion())
	}
}

// A mistake in the table of settings would be one of ours: each default has to be a value that can be given.
func TestDefaultsAreValues(t *testing.T) {
	for _, s := range settings() {
		if s.def != "" {
			if err := s.set(&config{}, []string{s.def}); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("grace: 10s\nexec-allow: [sh, /bin/*]\nmax-tasks: 1_000\nlisten: none\nsocket:\n"))
	f.Add([]byte("a: &a {<<: *a}\n*a : b\n? [x]\n: - y\n---\n"))
	f.Add([]byte("plugins: []\ninsecure: true\nlog-level: !!str 5\nlisten: \"\\x00\"\n"))
	f.Add([]byte("- grace\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table := settings()
		l, problems := parseConfig(table, "c.yaml", data)
		if _, wrong := merge(table, l); wrong != nil {
			t.Errorf("values passed on reading but not on merging: %q", wrong)
		}
		for _, p := range problems {
			if p.File != "c.yaml" || p.Text == "" {
				t.Errorf("bad problem %#v", p)
			}
		}
	})
}

// The table of limits in the doc comment has the flags and defaults that there are.
func TestTheTableOfLimits(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^//\t--(\S+) +(\S+) +\S`).FindAllStringSubmatch(string(doc), -1)
	defaults := map[string]string{}
	for _, s := range settings() {
		defaults[s.name] = s.def
	}
	limits := map[string]bool{
		"max-tasks": true, "slot-queue": true, "max-connections": true, "max-calls-per-connection": true, "max-request-bytes": true, "output-burst": true,
		"max-streams": true, "max-streams-per-principal": true, "request-rate": true, "max-request-ids": true, "retained-tasks": true, "retained-age": true,
		"output-rate": true, "event-buffer": true, "max-concurrent": true,
	}
	for _, row := range rows {
		if def, ok := defaults[row[1]]; !ok || def != row[2] {
			t.Errorf("the table has --%s with the default %s, and it is %q", row[1], row[2], def)
		}
		delete(limits, row[1])
	}
	if len(limits) > 0 {
		t.Errorf("the table lacks %v", limits)
	}
}

// Each limit arrives where it counts.
func TestLimitsArrive(t *testing.T) {
	d, _ := prepared(t, "--max-tasks=1", "--slot-queue=2", "--retained-tasks=0", "--retained-age=4s", "--output-rate=5", "--event-buffer=8",
		"--max-streams=6", "--max-streams-per-principal=12", "--request-rate=11", "--max-calls-per-connection=13",
		"--max-request-bytes=5000", "--output-burst=14", "--max-request-ids=7", "--keepalive-time=8s", "--keepalive-timeout=9s", "--handshake-timeout=15s", "--max-concurrent=10")
	engine := d.engineConfig()
	engine.Logger = nil
	want := supervisor.Config{
		Grace: supervisor.DefaultGrace, MaxTasks: 1, SlotQueue: 2, RetainedTasks: -1, RetainedAge: 4 * time.Second, OutputRate: 5, OutputBurst: 14, EventBuffer: 8, MaxConcurrent: 10,
	}
	if !reflect.DeepEqual(engine, want) {
		t.Errorf("got %+v, want %+v", engine, want)
	}
	c := d.serverConfig()
	if c.MaxStreams != 6 || c.MaxStreamsPerPrincipal != 12 || c.RequestRate != 11 || c.MaxConcurrentStreams != 13 || c.MaxRequestBytes != 5000 || c.MaxRequestIDs != 7 || c.KeepaliveTime != 8*time.Second || c.KeepaliveTimeout != 9*time.Second ||
		c.HandshakeTimeout != 15*time.Second {
		t.Errorf("got %+v", c)
	}
}
