//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v4"
)

// podUser is the user and the group of the pod, as the manifest has them.
const podUser = 65532

// podSpec is what this test needs to know of the manifest.
type podSpec struct {
	Spec struct {
		Template struct {
			Spec struct {
				InitContainers []struct {
					Args []string
				} `yaml:"initContainers"`
			}
		}
	}
}

// imitated is the pod of the manifest, as far as this machine can play a node: each container has processes, mounts and a network of its own, and all they
// share is a volume with the socket.
type imitated struct {
	image   *image
	socket  string // the volume
	tasks   string // so too
	sidecar *process
}

// sidecarArgs are the flags of the manifest.
func sidecarArgs(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "cmd", "taskvisord", "kubernetes", "base", "deployment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var pod podSpec
	if err := yaml.Unmarshal(text, &pod); err != nil {
		t.Fatal(err)
	}
	return pod.Spec.Template.Spec.InitContainers[0].Args
}

// emptyDir returns a volume as the kubelet makes it for an fsGroup.
func emptyDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chown(dir, 0, podUser); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	return dir
}

// commands of the machine, for tasks that run some: the image has none.
var commands = []volume{{"/bin", "/bin", true}, {"/usr", "/usr", true}, {"/lib", "/lib", true}, {"/lib64", "/lib64", true}}

// newPod starts the sidecar, as it stands in the manifest, and returns once its startup probe succeeds.
func newPod(t *testing.T, tasks string) *imitated {
	t.Helper()
	p := &imitated{image: buildImage(t, ""), socket: emptyDir(t), tasks: emptyDir(t)}
	if err := os.WriteFile(filepath.Join(p.tasks, "tasks.yaml"), []byte(tasks), 0o644); err != nil {
		t.Fatal(err)
	}
	s := p.image.container(t, append(sidecarArgs(t), "--exec-allow=sh", "--log-level=debug")...)
	s.Group, s.Env = podUser, []string{"GOMEMLIMIT=67108864", "PATH=/usr/bin:/bin"}
	s.Mounts = []volume{{p.socket, "/run/taskvisor", false}, {p.tasks, "/etc/taskvisor/tasks", true}}
	for _, v := range commands {
		if _, err := os.Stat(v.Source); err == nil {
			s.Mounts = append(s.Mounts, v)
		}
	}
	p.sidecar = s.start(t)
	p.logs(t, `"msg":"ready"`)
	if code := p.probe(t, "startup"); code != 0 {
		t.Errorf("the startup probe exits with %d", code)
	}
	return p
}

// logs waits for a line of the log of the sidecar that has these texts.
func (p *imitated) logs(t *testing.T, texts ...string) {
	t.Helper()
	_, _, ok := p.sidecar.stderr.find(0, func(line string) bool {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				return false
			}
		}
		return true
	})
	if !ok {
		t.Fatalf("the sidecar never logs %q", texts)
	}
}

// probe asks what the kubelet would ask, in the network of the sidecar.
func (p *imitated) probe(t *testing.T, service string) (code int) {
	t.Helper()
	s := &sandbox{Network: p.sidecar.cmd.Process.Pid, Args: []string{
		bin.probe, "-addr", "127.0.0.1:7701", "-connect-timeout", "30s", "-rpc-timeout", "30s", "-service", service,
	}}
	return s.start(t).exit(t)
}

// app starts the application, which is the command line taskvisor here. It has the socket, and nothing else of the sidecar.
func (p *imitated) app(t *testing.T, user int, args ...string) *process {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(bin.taskvisor, filepath.Join(dir, "app")); err != nil {
		t.Fatal(err)
	}
	s := &sandbox{
		Root: dir, Frozen: true, UID: user, Group: podUser, Mounts: []volume{{p.socket, "/run/taskvisor", false}},
		Args: append([]string{"/app"}, args...), Env: []string{"TASKVISOR_SERVER=/run/taskvisor/taskvisord.sock"},
	}
	return s.start(t)
}

// Tasks of the pod, from the config map and from the application.
const (
	podTasks   = "tasks:\n- {name: sleeper, plugin: sleep, config: {duration: 1h}}\n"
	writesRoot = `echo >/file`
	// leavesOne ends once its child has left the group; the child ends when somebody writes to the pipe.
	leavesOne = `mkfifo /run/taskvisor/pipe; setsid sh -c 'echo left >/run/taskvisor/pipe; read x </run/taskvisor/pipe; exit 3' & read x </run/taskvisor/pipe; exit 7`
)

// A pod from its start to its end: the sidecar of the manifest, of user 65532, on a root that is read-only, as process 1; probes; an application that
// shares the socket and nothing else; orphans; and the order of SIGTERM that the kubelet keeps.
func TestPod(t *testing.T) {
	needNamespaces(t)
	p := newPod(t, podTasks)
	for service, want := range map[string]int{"readiness": 0, "liveness": 0, "task/sleeper": 0, "task/nobody": probeRPCFailed} {
		if code := p.probe(t, service); code != want {
			t.Errorf("%s: grpc-health-probe exits with %d, want %d", service, code, want)
		}
	}
	p.checkAccess(t)
	p.checkOrphans(t)
	p.checkEnd(t)
}

// checkAccess: the application may do everything, other users nothing, and nobody can write to the root.
func (p *imitated) checkAccess(t *testing.T) {
	t.Helper()
	listed := p.app(t, podUser, "ls")
	if code := listed.exit(t); code != 0 || !strings.Contains(listed.stdout.String(), "sleeper") {
		t.Errorf("taskvisor ls exits with %d", code)
	}
	other := p.app(t, podUser+1, "ls")
	if code := other.exit(t); code == 0 || !strings.Contains(other.stderr.String(), "you may not open it") {
		t.Errorf("another user gets exit code %d:\n%s", code, other.output())
	}
	p.add(t, "writer", writesRoot)
	p.logs(t, "TASK_FAILED", `"writer"`, "Read-only file system")
}

// add has the application add a task that runs a script once.
func (p *imitated) add(t *testing.T, name, script string) {
	t.Helper()
	added := p.app(t, podUser, "add", name, "--restart", "never", "--", "sh", "-c", script)
	if code := added.exit(t); code != 0 {
		t.Fatalf("taskvisor add exits with %d:\n%s", code, added.output())
	}
}

// checkOrphans: process 1 reaps what a command leaves behind, and the exit code of the command is what it was.
func (p *imitated) checkOrphans(t *testing.T) {
	t.Helper()
	p.add(t, "leaves-one", leavesOne)
	p.logs(t, "TASK_FAILED", `"leaves-one"`, `"exit_code":7`)
	pipe := filepath.Join(p.socket, "pipe")
	if err := os.WriteFile(pipe, []byte("end\n"), 0); err != nil {
		t.Fatal(err)
	}
	p.logs(t, "reaped a process that was adopted")
	if zombies := childrenThatEnded(t, p.sidecar.cmd.Process.Pid); len(zombies) > 0 {
		t.Errorf("process 1 has not reaped %q", zombies)
	}
	if err := os.Remove(pipe); err != nil {
		t.Fatal(err)
	}
}

// childrenThatEnded returns the zombies of a parent.
func childrenThatEnded(t *testing.T, parent int) (zombies []string) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // ended meanwhile
		}
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if string(fields[0]) == "Z" && string(fields[1]) == strconv.Itoa(parent) {
			zombies = append(zombies, string(stat))
		}
	}
	return zombies
}

// checkEnd: the application is asked to stop first. Until it has, the sidecar serves it; then that drains, and leaves nothing behind.
func (p *imitated) checkEnd(t *testing.T) {
	t.Helper()
	app := p.app(t, podUser, "watch", "--oldest")
	if _, _, ok := app.stdout.find(0, func(line string) bool { return strings.Contains(line, "sleeper") }); !ok {
		t.Fatalf("the application does not watch:\n%s", app.output())
	}
	app.signal(t, syscall.SIGTERM)
	<-app.ended
	for _, service := range []string{"readiness", "liveness"} {
		if code := p.probe(t, service); code != 0 {
			t.Errorf("%s while the application stops: %d", service, code)
		}
	}
	p.sidecar.signal(t, syscall.SIGTERM)
	if code := p.sidecar.exit(t); code != 0 {
		t.Errorf("the sidecar exits with %d", code)
	}
	p.logs(t, "ALL_STOPPED_WITHIN_GRACE")
	if left, err := os.ReadDir(p.socket); err != nil || len(left) > 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}
