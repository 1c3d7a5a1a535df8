package manifests

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// program is the daemon, built once for all tests.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "manifests-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "taskvisord")
	build := exec.Command("go", "build", "-C", "../../..", "-o", program, "./cmd/taskvisord")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", build, err, out)
		return 1
	}
	return m.Run()
}

// sidecar is the daemon of a pod, with the flags and the variables that it has there, and with folders for volumes.
type sidecar struct {
	pod  *pod
	args []string
	env  []string
}

func newSidecar(t *testing.T, p *pod) *sidecar {
	t.Helper()
	s := &sidecar{pod: p, args: slices.Clone(p.sidecar().Args)}
	for _, e := range p.sidecar().Env {
		s.env = append(s.env, e.Name+"="+valueOf(t, p, e))
	}
	for _, m := range p.sidecar().VolumeMounts {
		dir := volume(t, p, m.Name)
		for i, arg := range s.args {
			s.args[i] = strings.Replace(arg, "="+m.MountPath, "="+dir, 1)
		}
	}
	return s
}

// valueOf returns the value of a variable, as the kubelet would.
func valueOf(t *testing.T, p *pod, e corev1.EnvVar) string {
	t.Helper()
	switch from := e.ValueFrom; {
	case from == nil:
		return e.Value
	case from.ResourceFieldRef != nil && from.ResourceFieldRef.Resource == "requests.memory":
		return fmt.Sprint(p.sidecar().Resources.Requests.Memory().Value())
	default:
		t.Fatalf("%s: this test does not know where %s comes from", p.dir, e.Name)
		return ""
	}
}

// volume returns a folder with what is on a volume: the names are links to a hidden folder, which the kubelet replaces when they change.
func volume(t *testing.T, p *pod, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "v") //nolint:usetesting // the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	hidden := filepath.Join(dir, "..2026_11_25")
	if err := os.Mkdir(hidden, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Base(hidden), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	for file, text := range contents(t, p, name) {
		if err := os.WriteFile(filepath.Join(hidden, file), text, 0o440); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..data", file), filepath.Join(dir, file)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// holder comes first and holds the one permit that there is, so that tasks are there and none calls anybody.
const holder = "tasks:\n- {name: holder, plugin: sleep, config: {duration: 1h}}\n"

// contents returns the files of a volume. Secrets are those that the comments of the overlays ask for.
func contents(t *testing.T, p *pod, name string) map[string][]byte {
	t.Helper()
	i := slices.IndexFunc(p.template.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == name })
	files := map[string][]byte{}
	switch v := p.template.Spec.Volumes[i]; {
	case v.ConfigMap != nil:
		for file, text := range p.configs[v.ConfigMap.Name].Data {
			files[file] = []byte(text)
		}
		files["0.yaml"] = []byte(holder)
	case v.Secret != nil && v.Secret.SecretName == "taskvisord-tls":
		files["tls.crt"], files["tls.key"] = certificate(t)
	case v.Secret != nil && v.Secret.SecretName == "taskvisord-tokens":
		files["tokens.yaml"] = []byte("tokens:\n- {name: prometheus, role: watch, token: token-of-prometheus}\n")
	case v.EmptyDir == nil:
		t.Fatalf("%s: this test does not know what is on the volume %s", p.dir, name)
	}
	return files
}

// certificate returns one that is good for an hour, and its key.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "taskvisord"}, DNSNames: []string{"taskvisord"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// command returns a call of the daemon.
func (s *sidecar) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = s.env
	return cmd
}

// The daemon accepts the flags as they stand there.
func TestFlagsAreAccepted(t *testing.T) {
	for _, dir := range kustomizations(t) {
		s := newSidecar(t, newPod(t, dir))
		if out, err := s.command(t, append(s.args, "--print-config")...).CombinedOutput(); err != nil || strings.Contains(string(out), "WARN") {
			t.Errorf("%s: %v\n%s", dir, err, out)
		}
	}
}

// The daemon takes the tasks, knows the services that the probes ask for, and drains when it is asked to.
func TestTheDaemonServes(t *testing.T) {
	for _, dir := range kustomizations(t) {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			serve(t, newPod(t, dir))
		})
	}
}

func serve(t *testing.T, p *pod) {
	s := newSidecar(t, p)
	s.args = append(s.args, "--max-concurrent=1") // see holder
	// On ports of which nobody else makes use, and out of reach of others.
	for _, flag := range []string{"listen", "health-listen", "http-listen"} {
		if value := p.flag(flag); value != "" && value != "none" {
			s.args = append(s.args, "--"+flag+"=127.0.0.1:0")
		}
	}
	cmd := s.command(t, s.args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	log := bufio.NewScanner(stderr)
	ready := awaitReady(t, log)
	if want := 1 + len(p.configs); ready.Tasks < want {
		t.Errorf("%d tasks, want one of each config map and the holder", ready.Tasks)
	}
	s.probe(t, ready.Health)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for log.Scan() { // to the end, or the daemon would wait
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the daemon ends with %v", err)
	}
}

// readyLine is the line of the log that says that the daemon serves.
type readyLine struct {
	Level, Msg, Health string
	Tasks              int
}

// awaitReady returns that line. No warning comes before it.
func awaitReady(t *testing.T, log *bufio.Scanner) (line readyLine) {
	t.Helper()
	var all bytes.Buffer
	for log.Scan() {
		fmt.Fprintln(&all, log.Text())
		line = readyLine{}
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.Level == "WARN" || line.Level == "ERROR" {
			t.Fatalf("%v, %s", err, log.Text())
		}
		if line.Msg == "ready" {
			return line
		}
	}
	t.Fatalf("the daemon does not become ready:\n%s", &all)
	return line
}

// What healthcheck exits with.
const (
	serving    = 0
	notServing = 4
)

// probe asks what the probes ask. How the tasks fare is none of our business, but they have to be there.
func (s *sidecar) probe(t *testing.T, address string) {
	t.Helper()
	c := s.pod.sidecar()
	for _, probe := range []*corev1.Probe{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
		if probe == nil {
			continue
		}
		service := *probe.GRPC.Service
		cmd := s.command(t, "healthcheck", "--timeout=1m", "--health-listen="+address, service)
		out, err := cmd.CombinedOutput()
		code := cmd.ProcessState.ExitCode()
		if code != serving && (code != notServing || !strings.HasPrefix(service, "task/")) {
			t.Errorf("%s: %s: %v\n%s", s.pod.dir, service, err, out)
		}
	}
}
