//go:build e2e

package e2e

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/taskvisor/taskvisor/server/servertest"
)

// container returns a container of the image as a runtime makes it, with the user and the program of the image, and a root that nobody writes to.
func (i *image) container(t *testing.T, args ...string) *sandbox {
	t.Helper()
	user, _, _ := strings.Cut(i.User, ":")
	uid, err := strconv.Atoi(user)
	if err != nil || uid == 0 {
		t.Fatalf("the user is %q, and a cluster wants a number that is not 0", i.User)
	}
	return &sandbox{Root: i.root, Frozen: true, UID: uid, Args: slices.Concat(i.Entrypoint, args)}
}

// exec runs a program of the image beside a container, in its network, and returns the exit code.
func (i *image) exec(t *testing.T, beside *process, args ...string) (code int, output string) {
	t.Helper()
	s := i.container(t)
	s.Network, s.Args = beside.cmd.Process.Pid, args
	p := s.start(t)
	return p.exit(t), p.output()
}

// The image is what its Dockerfile says: it has nothing but the program and the authorities, and as process 1, of a user without any rights, with
// nothing to write to, the program serves, tells its health, trusts the authorities and drains on SIGTERM.
func TestImage(t *testing.T) {
	needNamespaces(t)
	ca := servertest.NewCA(t)
	i := buildImage(t, string(ca.PEM()))
	t.Run("files", func(t *testing.T) { checkFiles(t, i) })
	t.Run("health", func(t *testing.T) { checkHealth(t, i) })
	t.Run("authorities", func(t *testing.T) { checkAuthorities(t, i, ca) })
}

func checkFiles(t *testing.T, i *image) {
	var files []string
	err := fs.WalkDir(os.DirFS(i.root), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if want := []string{"etc/ssl/certs/ca-certificates.crt", "taskvisord"}; err != nil || !slices.Equal(files, want) {
		t.Errorf("%v, the image has %q, want %q", err, files, want)
	}
	version := i.container(t, "version").start(t)
	if code, want := version.exit(t), "taskvisord v1.2.3-test (go"; code != 0 || !strings.HasPrefix(version.stdout.String(), want) {
		t.Errorf("exit code %d, %s", code, version.output())
	}
	if got := i.Labels["org.opencontainers.image.version"]; got != "v1.2.3-test" {
		t.Errorf("the label of the version is %q", got)
	}
}

func checkHealth(t *testing.T, i *image) {
	daemon := i.container(t).start(t)
	if _, _, ok := daemon.stderr.find(0, ready.MatchString); !ok {
		t.Fatalf("the daemon does not become ready:\n%s", daemon.output())
	}
	if code, out := i.exec(t, daemon, i.Healthcheck...); code != 0 || out != "SERVING\n" {
		t.Errorf("HEALTHCHECK: exit code %d, %s", code, out)
	}
	if code, out := i.exec(t, daemon, append(i.Healthcheck, "task/nobody")...); code != 3 {
		t.Errorf("exit code %d, %s", code, out)
	}
	daemon.signal(t, syscall.SIGTERM)
	if code := daemon.exit(t); code != 0 {
		t.Errorf("the daemon exits with %d", code)
	}
}

// A task sends a request to a server whose certificate is of an authority that the machine trusts on which the image was built.
func checkAuthorities(t *testing.T, i *image, ca *servertest.CA) {
	certificate, key := ca.Issue(t, "127.0.0.1")
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	defer server.Close()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	tasks := fmt.Sprintf("tasks:\n- {name: trusting, plugin: http, config: {url: %q, expect: {status: [\"404\"]}}}\n", server.URL)
	if err := os.WriteFile(filepath.Join(dir, "t.yaml"), []byte(tasks), 0o644); err != nil {
		t.Fatal(err)
	}
	s := i.container(t, "--tasks", "/tasks", "--listen", "127.0.0.1:0")
	s.Host, s.Mounts = true, []volume{{dir, "/tasks", true}}
	daemon := s.start(t)
	line, _, _ := daemon.stderr.find(0, func(line string) bool {
		return strings.Contains(line, "TASK_STOPPED") || strings.Contains(line, "TASK_FAILED")
	})
	if !strings.Contains(line, "TASK_STOPPED") {
		t.Errorf("the request: %s", line)
	}
}
