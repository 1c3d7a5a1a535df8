package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// kinds returns all kinds of events that the engine knows.
func kinds() (all []supervisor.Kind) {
	for k := supervisor.Kind(1); !strings.HasPrefix(k.String(), "Kind("); k++ {
		all = append(all, k)
	}
	return all
}

// full is an event that has all fields.
func full(kind supervisor.Kind) supervisor.Event {
	return supervisor.Event{
		Sequence: 7, Time: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Kind: kind,
		Task: "web", UID: supervisor.UID{1}, Attempt: 3, Duration: 250 * time.Millisecond, Timeout: 2 * time.Second, Delay: time.Minute,
		Reason: "exit status 3", ExitCode: 3, HasExitCode: true, Source: supervisor.BackoffAfterFailure, Outcome: supervisor.OutcomeFailed,
		Slot: "db", Rejection: supervisor.RejectedSlotBusy, PreviousSlotState: supervisor.SlotIdle, SlotState: supervisor.SlotOwned, Depth: 2,
		Subscriber: "log", Lost: 5, Stream: supervisor.Stdout, Line: "hello, world",
	}
}

// logEvent writes one event as the daemon does.
func logEvent(handler slog.Handler, e supervisor.Event) {
	supervisor.NewLogSubscriber(handler).OnEvent(e)
}

// One line of each kind, for people. Fields that a kind does not set are not there, though the event has them all.
func TestEventLines(t *testing.T) {
	want := map[string]string{
		"TASK_ADD_REQUESTED":       `INFO  TASK_ADD_REQUESTED    web`,
		"TASK_ADDED":               `INFO  TASK_ADDED            web           slot=db`,
		"TASK_STARTING":            `INFO  TASK_STARTING         web      #3`,
		"TASK_STOPPED":             `INFO  TASK_STOPPED          web      #3   duration=250ms`,
		"TASK_FAILED":              `WARN  TASK_FAILED           web      #3   duration=250ms reason="exit status 3" exit_code=3`,
		"TIMEOUT_HIT":              `WARN  TIMEOUT_HIT           web      #3   timeout=2s`,
		"BACKOFF_SCHEDULED":        `INFO  BACKOFF_SCHEDULED     web      #3   delay=1m0s backoff_source=FAILURE`,
		"ACTOR_EXHAUSTED":          `ERROR ACTOR_EXHAUSTED       web      #3   outcome=FAILED reason="exit status 3" exit_code=3`,
		"ACTOR_DEAD":               `ERROR ACTOR_DEAD            web      #3   outcome=FAILED reason="exit status 3" exit_code=3`,
		"TASK_REMOVE_REQUESTED":    `INFO  TASK_REMOVE_REQUESTED web      reason="exit status 3"`,
		"TASK_REMOVED":             `INFO  TASK_REMOVED          web      outcome=FAILED reason="exit status 3" exit_code=3`,
		"SHUTDOWN_REQUESTED":       `INFO  SHUTDOWN_REQUESTED reason="exit status 3"`,
		"ALL_STOPPED_WITHIN_GRACE": `INFO  ALL_STOPPED_WITHIN_GRACE`,
		"GRACE_EXCEEDED":           `ERROR GRACE_EXCEEDED        web      #3   reason="exit status 3"`,

		"CONTROLLER_SUBMITTED":       `INFO  CONTROLLER_SUBMITTED  web           slot=db queue_depth=2`,
		"CONTROLLER_REJECTED":        `WARN  CONTROLLER_REJECTED   web           slot=db rejection=SLOT_BUSY reason="exit status 3"`,
		"CONTROLLER_SLOT_TRANSITION": `INFO  CONTROLLER_SLOT_TRANSITION web      slot=db previous_slot_state=IDLE slot_state=OWNED queue_depth=2`,
		"SUBSCRIBER_OVERFLOW":        `ERROR SUBSCRIBER_OVERFLOW subscriber=log lost_count=5`,
		"SUBSCRIBER_PANICKED":        `ERROR SUBSCRIBER_PANICKED subscriber=log reason="exit status 3"`,
		"TASK_OUTPUT":                `INFO  TASK_OUTPUT           web      #3   lost_count=5 stream=STDOUT line="hello, world"`,
	}
	for _, k := range kinds() {
		line, ok := want[k.String()]
		if !ok {
			t.Errorf("how does %s look?", k)
		}
		var out bytes.Buffer
		e := full(k)
		logEvent(newTextHandler(&out, slog.LevelInfo), e)
		if got, line := out.String(), "2026-01-02T03:04:05.006Z "+collapse(line)+"\n"; collapse(got) != line {
			t.Errorf("got  %swant %s", got, line)
		}
		delete(want, k.String())
	}
	for name := range want {
		t.Errorf("there is no kind %s", name)
	}
}

// collapse makes blanks in a row one: columns are the business of another test.
func collapse(line string) string { return regexp.MustCompile(` +`).ReplaceAllString(line, " ") }

func TestSuccessIsNoError(t *testing.T) {
	var out bytes.Buffer
	e := supervisor.Event{Kind: supervisor.ActorExhausted, Task: "web", Attempt: 1, Outcome: supervisor.OutcomeCompleted}
	logEvent(newTextHandler(&out, slog.LevelInfo), e)
	if got, want := collapse(out.String()), "INFO ACTOR_EXHAUSTED web #1 outcome=COMPLETED\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// In JSON an event has the names and the notation of the API, and what the text leaves out.
func TestEventInJSON(t *testing.T) {
	var out bytes.Buffer
	e := full(supervisor.TaskFailed)
	logEvent(newLogHandler(&out, logJSON, slog.LevelInfo), e)
	want := fmt.Sprintf(`{"time":"2026-01-02T03:04:05.006Z","level":"WARN","msg":"TASK_FAILED","sequence":7,"task":"web","uid":%q,`+
		`"attempt":3,"duration":"0.25s","reason":"exit status 3","exit_code":3}`+"\n", e.UID)
	if out.String() != want {
		t.Errorf("got  %swant %s", &out, want)
	}
}

func TestLevelsOfEvents(t *testing.T) {
	var out bytes.Buffer
	for _, k := range kinds() {
		e := full(k)
		logEvent(newTextHandler(&out, slog.LevelError), e)
	}
	for _, line := range timeless(out.String()) {
		if !strings.HasPrefix(line, "ERROR ") {
			t.Errorf("at level error the log has %s", line)
		}
	}
	if out.Len() == 0 {
		t.Error("at level error nothing is logged")
	}
}

// lifeOf returns the lines about a task, with durations that time decides made equal.
func lifeOf(log, task string) (lines []string) {
	for _, line := range timeless(log) {
		if slices.Contains(strings.Fields(line), task) {
			line = regexp.MustCompile(`duration=\S+`).ReplaceAllString(line, "duration=T")
			lines = append(lines, line)
		}
	}
	return lines
}

const flaky = `tasks:
- name: flaky
  plugin: sleep
  config: {duration: 1ms, failures: 2, exit_code: 3, reason: no database}
  backoff: {first: 1ms, factor: 2, jitter: JITTER_NONE}
`

// The life of a task as a person reads it.
func TestLogOfALife(t *testing.T) {
	write(t, map[string]string{"t.yaml": flaky})
	r := launch(t, Plugins(builtIn), "--tasks=t.yaml")
	r.await(t, "TASK_REMOVED ")
	checkLines(t, lifeOf(r.stderr.String(), "flaky"), []string{
		`INFO  TASK_ADD_REQUESTED    flaky`,
		`INFO  TASK_ADDED            flaky`,
		`INFO  TASK_STARTING         flaky    #1`,
		`WARN  TASK_FAILED           flaky    #1   duration=T reason="no database" exit_code=3`,
		`INFO  BACKOFF_SCHEDULED     flaky    #1   delay=1ms backoff_source=FAILURE`,
		`INFO  TASK_STARTING         flaky    #2`,
		`WARN  TASK_FAILED           flaky    #2   duration=T reason="no database" exit_code=3`,
		`INFO  BACKOFF_SCHEDULED     flaky    #2   delay=2ms backoff_source=FAILURE`,
		`INFO  TASK_STARTING         flaky    #3`,
		`INFO  TASK_STOPPED          flaky    #3   duration=T`,
		`INFO  ACTOR_EXHAUSTED       flaky    #3   outcome=COMPLETED`,
		`INFO  TASK_REMOVED          flaky         outcome=COMPLETED`,
	})
}

// In JSON each line is an object, from the first to the last, and the events have their sequence without holes.
func TestLogInJSON(t *testing.T) {
	write(t, map[string]string{"t.yaml": flaky})
	r := launch(t, Plugins(builtIn), "--tasks=t.yaml", "--log-format=json")
	r.await(t, `"msg":"TASK_REMOVED"`)
	r.signals <- nil
	r.exit()
	sequence, messages := 0.0, map[string]bool{}
	for line := range strings.Lines(r.stderr.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		messages[fmt.Sprint(record["msg"])] = true
		if s, ok := record["sequence"].(float64); ok {
			if s != sequence+1 {
				t.Errorf("sequence %v follows %v", s, sequence)
			}
			sequence = s
		}
		if record["time"] == nil || record["level"] == nil {
			t.Errorf("no time or no level: %s", line)
		}
	}
	for _, want := range []string{"ready", "TASK_ADDED", "ALL_STOPPED_WITHIN_GRACE", "stopped"} {
		if !messages[want] {
			t.Errorf("no %q among %q", want, slices.Sorted(maps.Keys(messages)))
		}
	}
}

// Whoever collects the log collects why the daemon did not start.
func TestStartErrorsInJSON(t *testing.T) {
	for _, args := range [][]string{{"--tasks=nope"}, {"--grace=0s"}, {"--config=nope"}} {
		code, _, stderr := once(t, nil, append(args, "--log-format=json")...)
		var record struct{ Level, Msg, Reason string }
		if err := json.Unmarshal([]byte(stderr), &record); err != nil || code != ExitUsage {
			t.Errorf("%q: exit code %d, %v: %s", args, code, err, stderr)
		}
		name, _, _ := strings.Cut(args[0], "=")
		if record.Level != "ERROR" || record.Msg != "cannot start" || !strings.HasPrefix(record.Reason, name+": ") {
			t.Errorf("%q: got %+v", args, record)
		}
	}
}
