package cli

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/taskvisor/taskvisor/client"
)

func TestCompletion(t *testing.T) {
	inWorld(t, func(w *world) {
		w.populate()
		for _, args := range [][]string{
			{"get", ""}, {"get", "e"}, {"get", "web"}, {"get", "once", ""}, {"rm", "st"}, {"rm", "*"}, {"plugins", ""},
			{"ls", "--state", ""}, {"ls", "--state", "running,"}, {"watch", "--kind", "timeout"}, {"ls", "-o", ""}, {"ls", "--timeout", ""},
			{"add", "--plugin", ""}, {"add", "--plugin", "script", "--set", ""}, {"add", "--plugin", "script", "--set", "body="},
			{"add", "--plugin", "scripd", "--set", ""}, {"add", "--label", ""}, {"add", "--label", "app="},
			{"ls", "-l", ""}, {"ls", "-l", "app!="}, {"ls", "-l", "app=web,"}, {"ls", "-l", "app=web,!"}, {"ls", "-l", "app in (w"},
			{"add", ""}, {"add", "tick", "--", ""}, {"add", "-f", ""}, {"completion", ""}, {"version", ""},
		} {
			w.run(append([]string{"__complete"}, args...)...)
		}
	})
}

// TestConfigCompletions has a schema with keys inside of others, and with values that are listed.
func TestConfigCompletions(t *testing.T) {
	schema := &structpb.Struct{}
	if err := protojson.Unmarshal([]byte(`{"properties": {
		"url": {"type": "string", "description": "where to"},
		"tls": {"type": "object", "properties": {"ca": {}, "version": {"enum": ["1.2", "1.3", 2]}}}
	}}`), schema); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"": "tls.\t|url=\twhere to", "u": "tls.\t|url=\twhere to", "tls.": "tls.ca=\t|tls.version=\t", "tls.version=": "tls.version=1.2|tls.version=1.3|tls.version=2",
		"url=": "", "none.": "", "none=": "", "url.": "",
	} {
		if got := strings.Join(configCompletions(schema, text), "|"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestTabDoesNotWaitForAServer that accepts connections and says nothing.
func TestTabDoesNotWaitForAServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := client.WithGRPC(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}))
		begin := time.Now()
		var stdout, stderr bytes.Buffer
		code := Run(t.Context(), Process{Args: []string{"__complete", "get", ""}, Stdout: &stdout, Stderr: &stderr, Dial: func(_ string, opts ...client.Option) (*client.Client, error) {
			return client.Dial("passthrough:///silent", append(opts, silent)...)
		}})
		if took := time.Since(begin); took > time.Second || code != ExitClean || stdout.String() != ":4\n" {
			t.Errorf("after %s: code %d, %q, %s", took, code, &stdout, &stderr)
		}
	})
}
