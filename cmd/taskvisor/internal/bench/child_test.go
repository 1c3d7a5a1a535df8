package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func newLauncher(t *testing.T) *launcher {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &launcher{[]string{self, "bench"}}
}

func TestAChildThatFailsSaysWhy(t *testing.T) {
	l := newLauncher(t)
	if _, err := l.start(t.Context(), "nonsense", 1, nil); err == nil || !strings.Contains(err.Error(), `neither a flag nor a command`) {
		t.Errorf("got %v", err)
	}
	if _, err := l.start(t.Context(), serverRole, serverPlan{Variant: "none", Window: 1, Of: 1, Processes: 1}, nil); err == nil || !strings.Contains(err.Error(), `no variant "none"`) {
		t.Errorf("got %v", err)
	}
	if _, err := l.start(t.Context(), serverRole, serverPlan{Variant: bareVariant}, nil); err == nil || !strings.Contains(err.Error(), "plan of a server") {
		t.Errorf("got %v", err)
	}
	if _, err := l.start(t.Context(), watcherRole, watcherPlan{}, nil); err == nil || !strings.Contains(err.Error(), "plan of watchers") {
		t.Errorf("got %v", err)
	}
	l.program[0] += ".gone"
	if _, err := l.start(t.Context(), serverRole, serverPlan{}, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestAServerThatIsKilledEndsItsTrial(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var ready serverReady
	c, err := newLauncher(t).start(ctx, serverRole, serverPlan{Variant: blastVariant, Window: 1, Of: 1, Processes: 1}, &ready)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ask("nonsense", nil); err == nil || !strings.Contains(err.Error(), `knows no request "nonsense"`) {
		t.Errorf("got %v", err)
	}
	cancel()
	if err := c.ask(doReport, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	c.stop() // returns once the process has ended
	if c.cmd.ProcessState == nil {
		t.Error("nobody has waited for the process")
	}
}

func TestWatchersWithoutAServerSaySo(t *testing.T) {
	var ready serverReady
	c, err := newLauncher(t).start(t.Context(), serverRole, serverPlan{Variant: naiveVariant, Window: 1, Of: 1, Processes: 1}, &ready)
	if err != nil {
		t.Fatal(err)
	}
	c.stop()
	_, err = newLauncher(t).start(t.Context(), watcherRole, watcherPlan{Server: ready, Streams: 1, Conns: 1, Of: 1}, nil)
	if err == nil || !strings.Contains(err.Error(), "open a stream") {
		t.Errorf("got %v", err)
	}
}

// A child whose parent has died finds its standard input closed, and ends.
func TestAChildEndsWithItsInput(t *testing.T) {
	l := newLauncher(t)
	run := func(role, input string) (string, error) {
		cmd := exec.CommandContext(t.Context(), l.program[0], "bench", role)
		cmd.Stdin = strings.NewReader(input)
		out, err := cmd.Output()
		return string(out), err
	}
	out, err := run(serverRole, `{"Variant": "taskvisor", "Window": 1, "Of": 1, "Processes": 1} {"Do": "start"} {"Do": "report"}`)
	if err != nil || strings.Count(out, `"Published":`) != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := run(serverRole, `{"Variant": "bare", "Window": 1, "Of": 1, "Processes": 1} {"Do": `); err == nil {
		t.Errorf("no error for a request that breaks off\n%s", out)
	}

	var ready serverReady
	server, err := l.start(t.Context(), serverRole, serverPlan{Variant: naiveVariant, Window: 1, Of: 1, Processes: 1}, &ready)
	if err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	plan, err := json.Marshal(watcherPlan{Server: ready, Streams: 5, Conns: 2, Of: 1, Round: 10})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := run(watcherRole, string(plan)+`{"Do": "report"}`); err != nil || !strings.Contains(out, `"Events":0`) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestLastText(t *testing.T) {
	var l lastText
	for range 1000 {
		if n, err := l.Write([]byte("0123456789")); n != 10 || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(l.text) != lastTextSize || !bytes.HasSuffix(l.text, []byte("0123456789")) {
		t.Errorf("%d bytes", len(l.text))
	}
}
