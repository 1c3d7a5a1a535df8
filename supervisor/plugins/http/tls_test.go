package http_test

import (
	"encoding/pem"
	"fmt"
	nethttp "net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) { fmt.Fprint(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	config := map[string]any{"url": server.URL, "tls": map[string]any{"ca_file": ca}, "expect": map[string]any{"contains": "HTTP/2.0"}}
	if err := call(t, config); err == nil || !strings.Contains(err.Error(), "cannot read ca_file") {
		t.Errorf("without the file: %v", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := call(t, config); err != nil {
		t.Errorf("once the file is there: %v", err)
	}
	if err := call(t, map[string]any{"url": server.URL}); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("without authority: %v", err)
	}
}
