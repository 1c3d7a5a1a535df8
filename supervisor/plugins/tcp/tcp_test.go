package tcp_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugin/plugintest"
	"github.com/taskvisor/taskvisor/supervisor/plugins/internal/bodytest"
	"github.com/taskvisor/taskvisor/supervisor/plugins/tcp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve has each connection to the listener served, until the end of the test.
func serve(t *testing.T, network, address string, talk func(net.Conn)) (addr string) {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				talk(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// pong answers PING.
func pong(conn net.Conn) {
	request := make([]byte, 6)
	if _, err := io.ReadFull(conn, request); err == nil && string(request) == "PING\r\n" {
		fmt.Fprint(conn, "+PO")
		fmt.Fprint(conn, "NG\r\n")
	}
}

// listen says nothing until the other side goes.
func listen(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// flood says something else, without an end.
func flood(conn net.Conn) {
	for {
		if _, err := fmt.Fprint(conn, strings.Repeat("x", 1000)); err != nil {
			return
		}
	}
}

func registry(t *testing.T) *plugin.Registry {
	t.Helper()
	return bodytest.Registry(t, tcp.New())
}

// anHour is the timeout of a config that a busy machine does not reach.
func anHour(config map[string]any) map[string]any {
	patient := map[string]any{"timeout": "1h"}
	maps.Copy(patient, config)
	return patient
}

// knock runs one attempt, which has an hour unless the config says otherwise.
func knock(t *testing.T, config map[string]any) error {
	t.Helper()
	config = anHour(config)
	return bodytest.Build(t, registry(t), "tcp", config).Run(t.Context())
}

// closedPort returns an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestKnocking(t *testing.T) {
	redis, quiet := serve(t, "tcp", "127.0.0.1:0", pong), serve(t, "tcp", "127.0.0.1:0", listen)
	loud, rude := serve(t, "tcp", "127.0.0.1:0", flood), serve(t, "tcp", "127.0.0.1:0", func(net.Conn) {})
	socket, closed := serve(t, "unix", filepath.Join(t.TempDir(), "s"), pong), closedPort(t)
	for name, test := range map[string]struct {
		config map[string]any
		want   string // prefix of the error; empty for success
	}{
		"connects":    {map[string]any{"address": quiet}, ""},
		"says more":   {map[string]any{"address": loud}, ""},
		"sends":       {map[string]any{"address": quiet, "send": "x"}, ""},
		"answers":     {map[string]any{"address": redis, "send": "PING\r\n", "expect": "+PONG"}, ""},
		"unix":        {map[string]any{"unix_socket": socket, "send": "PING\r\n", "expect": "+PONG"}, ""},
		"refused":     {map[string]any{"address": closed}, closed + ": could not connect: dial tcp " + closed + ": connect: connection refused"},
		"no socket":   {map[string]any{"unix_socket": "/no/such/socket"}, "/no/such/socket: could not connect: dial unix /no/such/socket: "},
		"hangs up":    {map[string]any{"address": rude, "expect": "x"}, rude + `: could not read "x": the connection was closed before anything came`},
		"other words": {map[string]any{"address": redis, "send": "PING\r\n", "expect": "+PANG"}, redis + `: could not read "+PANG": the connection was closed after "+PONG\r\n"`},
		"other flood": {map[string]any{"address": loud, "expect": "y"}, loud + `: could not read "y": it is not in the first 65536 bytes that came, "` + strings.Repeat("x", 128) + `"…`},
		"no TLS":      {map[string]any{"address": rude, "tls": map[string]any{}}, rude + ": could not shake hands: "},
		"no CA":       {map[string]any{"address": quiet, "tls": map[string]any{"ca_file": "/no/such/file"}}, quiet + ": could not shake hands: cannot read ca_file: open /no/such/file"},
	} {
		err := knock(t, test.config)
		if err == nil != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s:\n got %v\nwant %s", name, err, test.want)
		}
	}
}

// How far an attempt comes in its time, the machine decides.
func TestSilence(t *testing.T) {
	quiet := serve(t, "tcp", "127.0.0.1:0", listen)
	for doing, config := range map[string]map[string]any{
		`read "x"`:    {"address": quiet, "timeout": "20ms", "expect": "x"},
		"shake hands": {"address": quiet, "timeout": "20ms", "tls": map[string]any{}},
	} {
		err := knock(t, config)
		if !slices.ContainsFunc([]string{"connect", doing}, func(step string) bool {
			return err != nil && err.Error() == quiet+": could not "+step+" within 20ms"
		}) {
			t.Errorf("got %v, want that it could not %s within 20ms", err, doing)
		}
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // that we go away is what it would tell of
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	config := map[string]any{
		"address": server.Listener.Addr().String(), "tls": map[string]any{"ca_file": ca},
		"send": "GET /x HTTP/1.0\r\n\r\n", "expect": "404 Not Found",
	}
	if err := knock(t, config); err != nil {
		t.Error(err)
	}
	config["tls"] = map[string]any{}
	if err := knock(t, config); err == nil || !strings.Contains(err.Error(), "could not shake hands: ") || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("without authority: %v", err)
	}
}

func TestConformance(t *testing.T) {
	quiet, rude := serve(t, "tcp", "127.0.0.1:0", listen), serve(t, "tcp", "127.0.0.1:0", func(net.Conn) {})
	plugintest.Run(t, tcp.New(), plugintest.Config{
		Good: []plugintest.Case{
			{Config: anHour(map[string]any{"address": quiet})},
			{Name: "failure", Config: anHour(map[string]any{"address": rude, "expect": "x"}), End: plugintest.Fails, Reason: "could not read"},
		},
		Bad:     []plugintest.Bad{{Path: "address", Config: map[string]any{}}},
		Endless: anHour(map[string]any{"address": quiet, "expect": "x"}),
		Within:  time.Minute, // a loaded machine may take seconds to start a few goroutines
	})
}

func TestWhatIsRefused(t *testing.T) {
	r := registry(t)
	for name, test := range map[string]struct {
		config map[string]any
		want   []string
	}{
		"nothing":  {map[string]any{}, []string{`address: is missing; give one such as "127.0.0.1:5432", or a unix_socket`}},
		"both":     {map[string]any{"address": "a:1", "unix_socket": "/a"}, []string{`unix_socket: "/a" is set, and so is address; leave one out`}},
		"no port":  {map[string]any{"address": "localhost"}, []string{`address: "localhost" is no host and port; give both, such as "127.0.0.1:5432"`}},
		"no host":  {map[string]any{"address": ":80"}, []string{`address: ":80" names no host; give a name or an address before the port`}},
		"port 0":   {map[string]any{"address": "a:0"}, []string{`address: "a:0" has no number of a port; give one from 1 to 65535`}},
		"big port": {map[string]any{"address": "a:65536"}, []string{`address: "a:65536" has no number of a port; give one from 1 to 65535`}},
		"a URL":    {map[string]any{"address": "http://a:80"}, []string{`address: "http://a:80" is no host and port; give both, such as "127.0.0.1:5432"`}},
		"relative": {map[string]any{"unix_socket": "a"}, []string{`unix_socket: "a" is no absolute path; give one, beginning with /`}},
		"no name":  {map[string]any{"unix_socket": "/a", "tls": map[string]any{}}, []string{`tls.server_name: is missing, and a unix socket has no name to expect in the certificate; give it`}},
		"rest": {map[string]any{"address": "[::1]:80", "timeout": "0s", "tls": map[string]any{"ca_file": "a"}}, []string{
			`tls.ca_file: "a" is no absolute path; give one, beginning with /`, `timeout: 0s leaves no time; give more, such as "5s"`,
		}},
	} {
		_, err := r.Build("tcp", test.config)
		bodytest.WantRefused(t, name, err, test.want)
	}
}

func Example() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer listener.Close()
	registry, err := plugin.NewRegistry(tcp.New())
	if err != nil {
		fmt.Println(err)
		return
	}
	body, err := registry.Build("tcp", map[string]any{"address": listener.Addr().String()})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(body.Run(context.Background()))

	_, err = registry.Build("tcp", map[string]any{"address": "localhost"})
	fmt.Println(err)
	// Output:
	// <nil>
	// invalid config of plugin "tcp": address: "localhost" is no host and port; give both, such as "127.0.0.1:5432"
}
