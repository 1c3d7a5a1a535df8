//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"testing"
)

// What the documents of plugins have beside the daemon: an application with an address, and a file of its own.
const (
	documentedApp  = "127.0.0.1:8080"
	documentedFile = "/tmp/app.conf"
)

// TestSessionsOfPlugins runs the session in the README of each built-in plugin, as TestReadmeSession does.
func TestSessionsOfPlugins(t *testing.T) {
	const plugins = "supervisor/plugins"
	folders, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(plugins)))
	if err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, "--exec-allow", "sh")
	app := httptest.NewServer(http.HandlerFunc(serveApp))
	defer app.Close()
	for _, folder := range folders {
		if !folder.IsDir() || folder.Name() == "internal" {
			continue
		}
		t.Run(folder.Name(), func(t *testing.T) {
			s := session{
				document: path.Join(plugins, folder.Name(), "README.md"),
				mayRun:   append([]string{"echo"}, mayRun...), // writes into the file of the application
				standIns: []string{
					documentedAddr, d.addr, documentedApp, app.Listener.Addr().String(), documentedFile, filepath.Join(t.TempDir(), "app.conf"),
				},
				ids: identities{},
			}
			s.play(t, everything)
		})
	}
}

// serveApp is the application of the documents.
func serveApp(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /healthz":
		fmt.Fprintln(w, "ok")
	case "POST /orders":
		w.Header().Set("Retry-After", "30")
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, "the database is read-only")
	case "POST /-/reload":
		w.WriteHeader(http.StatusNoContent)
	default:
		http.NotFound(w, r)
	}
}
