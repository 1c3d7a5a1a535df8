package http_test

import (
	"context"
	"fmt"
	nethttp "net/http"
	"net/http/httptest"
	"strings"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/http"
)

func Example() {
	server := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		w.WriteHeader(nethttp.StatusServiceUnavailable)
		fmt.Fprintln(w, "no database")
	}))
	defer server.Close()
	registry, err := plugin.NewRegistry(http.New())
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := registry.Build("http", map[string]any{"url": server.URL + "/healthz"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.ReplaceAll(body.Run(context.Background()).Error(), server.URL, "http://app"))

	_, err = registry.Build("http", map[string]any{"url": server.URL, "method": "FETCH"})
	fmt.Println(err)
	// Output:
	// GET http://app/healthz: 503 Service Unavailable instead of 2xx; it says "no database"
	// invalid config of plugin "http": method: "FETCH" is not allowed; give one of "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"
}
