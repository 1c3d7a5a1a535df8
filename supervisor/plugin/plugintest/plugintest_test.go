package plugintest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// knob is the config of the plugins of these tests: what each makes of it, its Build says.
type knob struct {
	Turn  plugin.Duration   `json:"turn,omitzero" jsonschema:"how long it takes"`
	Words []string          `json:"words,omitempty" jsonschema:"said at the end"`
	Env   map[string]string `json:"env,omitempty" jsonschema:"variables"`
}

// define returns a plugin that runs the body.
func define(build func(knob) (supervisor.Task, error)) plugin.Definition[knob] {
	return plugin.Definition[knob]{Name: "knob", Description: "Turns.", Example: knob{Words: []string{"x"}}, Build: build}
}

func running(run func(ctx context.Context, k knob) error) plugin.Definition[knob] {
	return define(func(k knob) (supervisor.Task, error) {
		return supervisor.TaskFunc(func(ctx context.Context) error { return run(ctx, k) }), nil
	})
}

// checking returns a plugin with this check in its Build.
func checking(check func(k knob, v *plugin.Violations)) plugin.Definition[knob] {
	return define(func(k knob) (supervisor.Task, error) {
		var v plugin.Violations
		check(k, &v)
		return supervisor.TaskFunc(turn(k)), v.Err()
	})
}

// turn is a body without fault.
func turn(k knob) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(k.Turn.Std()):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var (
	hour = map[string]any{"turn": "1h"}
	soon = []Case{{Config: map[string]any{"turn": "10ms"}}}
)

// faultsOf returns what each check finds, besides that for goroutines, which takes real time.
func faultsOf(t *testing.T, p plugin.Plugin, c Config) map[string][]string {
	t.Helper()
	s, refused := newSubject(p, c)
	if len(refused) > 0 {
		return map[string][]string{"registration": refused}
	}
	found := map[string][]string{}
	for _, check := range checks() {
		var faults []string
		switch {
		case check.virtual:
			synctest.Test(t, func(t *testing.T) { faults = check.inBubble(s) })
		case check.name != "goroutines":
			faults = check.find(s)
		}
		if len(faults) > 0 {
			found[check.name] = faults
		}
	}
	return found
}

// closable is a body that close closes; ran says whether it has run.
type closable struct {
	knob  knob
	ran   atomic.Bool
	close func(ran bool) error
}

func (c *closable) Run(ctx context.Context) error {
	c.ran.Store(true)
	return turn(c.knob)(ctx)
}

func (c *closable) Close() error { return c.close(c.ran.Load()) }

func closing(do func(ran bool) error) plugin.Definition[knob] {
	return define(func(k knob) (supervisor.Task, error) { return &closable{knob: k, close: do}, nil })
}

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

// What a body has left open is no fault before it is closed.
func TestABodyThatIsClosedPasses(t *testing.T) {
	p := define(func(k knob) (supervisor.Task, error) {
		b := &ticking{knob: k}
		return b, nil
	})
	Run(t, p, Config{Good: soon, Endless: hour})
}

// ticking leaves a goroutine behind for the next attempt.
type ticking struct {
	knob  knob
	begin sync.Once
	stop  chan struct{}
}

func (b *ticking) Run(ctx context.Context) error {
	b.begin.Do(func() {
		b.stop = make(chan struct{})
		go func() { <-b.stop }()
	})
	return turn(b.knob)(ctx)
}

func (b *ticking) Close() error {
	if b.stop != nil {
		close(b.stop)
	}
	return nil
}

func TestAPluginWithoutFaultPasses(t *testing.T) {
	p := running(func(ctx context.Context, k knob) error { return turn(k)(ctx) })
	c := Config{Good: soon, Endless: hour, Virtual: true, Bad: []Bad{{Config: map[string]any{"turn": 5.0}, Path: "turn"}}}
	Run(t, p, c)
	if found := faultsOf(t, p, c); len(found) > 0 {
		t.Errorf("found %q", found)
	}
}

func TestFaultsAreFound(t *testing.T) {
	var turns, busy, closings atomic.Int32
	for name, test := range map[string]struct {
		plugin plugin.Plugin
		config Config
		check  string // that finds it
		says   string
	}{
		"no body": {
			plugin: define(func(knob) (supervisor.Task, error) { return nil, nil }),
			check:  "registration", says: "Build returned neither a body nor an error",
		},
		"bad name": {
			plugin: plugin.Definition[knob]{Name: "Knob", Description: "Turns.", Build: define(nil).Build},
			check:  "registration", says: `plugin "Knob": bad name`,
		},
		"blank description": {
			plugin: plugin.Definition[knob]{Name: "knob", Description: " ", Build: running(nil).Build},
			check:  "description", says: "the description is blank",
		},
		"key without description": {
			plugin: plugin.Definition[undescribedKnob]{Name: "knob", Description: "Turns.", Build: func(undescribedKnob) (supervisor.Task, error) {
				return supervisor.TaskFunc(turn(knob{})), nil
			}},
			check: "description", says: "inner.left has no description",
		},
		"disabled": {
			plugin: plugin.Definition[knob]{Name: "knob", Description: "Turns.", Disabled: "it is night", Build: running(nil).Build},
			check:  "description", says: "the plugin is disabled (it is night)",
		},
		"defaults that do not go with the example": {
			plugin: plugin.Definition[contraryKnob]{Name: "knob", Description: "Turns.", Example: contraryKnob{Left: true}, Build: func(contraryKnob) (supervisor.Task, error) {
				return supervisor.TaskFunc(turn(knob{})), nil
			}},
			check: "example", says: "the example with all defaults spelled out: it is refused",
		},
		"good is refused": {
			plugin: checking(func(k knob, v *plugin.Violations) { v.Check(k.Turn == 0, "turn", "%s is too long", k.Turn) }),
			config: Config{Good: soon}, check: "good", says: "it is refused: invalid config of plugin \"knob\": turn: 10ms is too long",
		},
		"bad is accepted": {
			plugin: checking(func(knob, *plugin.Violations) {}),
			config: Config{Bad: []Bad{{hour, "turn"}}}, check: "bad", says: `it is accepted; it is to be refused with a violation at "turn"`,
		},
		"bad is refused elsewhere": {
			plugin: checking(func(k knob, v *plugin.Violations) { v.Check(k.Turn == 0, "", "too long") }),
			config: Config{Bad: []Bad{{hour, "turn"}}}, check: "bad", says: `it is refused without a violation at "turn", only with`,
		},
		"panics at an empty list": {
			plugin: checking(func(k knob, v *plugin.Violations) {
				if k.Words != nil {
					v.Check(k.Words[0] != "no", "words[0]", "no")
				}
			}),
			check: "nonsense", says: "index out of range",
		},
		"violations in the order of a map": {
			plugin: checking(func(k knob, v *plugin.Violations) {
				for name, value := range k.Env {
					v.Check(value != "", plugin.Key("env", name), "empty")
				}
			}),
			check: "nonsense", says: "Build does not answer the same each time",
		},
		"a text as long as the value": {
			plugin: checking(func(k knob, v *plugin.Violations) {
				if len(k.Words) > 0 {
					v.Check(k.Words[0] == "x", "words[0]", "%q is no word", strings.Repeat(k.Words[0], 3_000))
				}
			}),
			config: Config{Bad: []Bad{{map[string]any{"words": []any{"y"}}, "words[0]"}}}, check: "bad", says: "quote only the beginning of a value",
		},
		"a violation without text": {
			plugin: checking(func(k knob, v *plugin.Violations) { v.Check(k.Turn == 0, "turn", "") }),
			config: Config{Bad: []Bad{{hour, "turn"}}}, check: "bad", says: `the violation at "turn" has no text`,
		},
		"slow Build": {
			plugin: checking(func(k knob, _ *plugin.Violations) { _ = turn(k)(context.Background()) }),
			config: Config{Within: time.Millisecond, Good: soon}, check: "good", says: "Build took",
		},
		"other exit code": {
			plugin: running(func(context.Context, knob) error { return supervisor.ExitCode(errors.New("no"), 2) }),
			config: Config{Good: []Case{{Name: "failure", End: Fails, ExitCode: 3}}}, check: "endings",
			says: "failure: the first time, the error carries exit code 2 instead of 3",
		},
		"other hint": {
			plugin: running(func(context.Context, knob) error { return supervisor.RetryAfter(errors.New("no"), time.Second) }),
			config: Config{Good: []Case{{Name: "failure", End: Fails}}}, check: "endings", says: "asks to be retried after 1s instead of 0s",
		},
		"other text": {
			plugin: running(func(context.Context, knob) error { return errors.New("no") }),
			config: Config{Good: []Case{{Name: "failure", End: Fails, Reason: "database"}}}, check: "endings", says: `the error does not say "database", but no`,
		},
		"no text": {
			plugin: running(func(context.Context, knob) error { return errors.New("") }),
			config: Config{Good: []Case{{Name: "failure", End: Fails}}}, check: "endings", says: "the error has no text",
		},
		"success instead of failure": {
			plugin: running(func(context.Context, knob) error { return nil }),
			config: Config{Good: []Case{{Name: "failure", End: Fails}}}, check: "endings", says: "the attempt succeeds instead of one that fails",
		},
		"failure for good": {
			plugin: running(func(context.Context, knob) error { return supervisor.Fatal(errors.New("no")) }),
			config: Config{Good: []Case{{Name: "failure", End: Fails}}}, check: "endings", says: "the attempt fails for good instead of one that fails",
		},
		"panic": {
			plugin: running(func(context.Context, knob) error { panic("oh") }),
			config: Config{Good: []Case{{Config: hour}}}, check: "endings", says: "the attempt panics instead of one that succeeds; its error: panic: oh",
		},
		"only once": {
			plugin: define(func(knob) (supervisor.Task, error) {
				ran := false
				return supervisor.TaskFunc(func(context.Context) error {
					if ran {
						return errors.New("it ran already")
					}
					ran = true
					return nil
				}), nil
			}),
			config: Config{Good: []Case{{Name: "twice"}}}, check: "endings", says: "twice: when the same body runs once more, the attempt fails",
		},
		"no end": {
			plugin: running(func(ctx context.Context, _ knob) error { return turn(knob{Turn: plugin.Duration(48 * time.Hour)})(ctx) }),
			config: Config{Good: soon}, check: "endings", says: "the attempt did not end within 24h0m0s",
		},
		"deaf while at work": {
			plugin: running(func(ctx context.Context, k knob) error {
				err := ctx.Err()
				if err == nil && k.Turn > 0 {
					<-time.After(k.Turn.Std())
				}
				return err
			}),
			config: Config{Endless: map[string]any{"turn": "6s"}}, check: "cancellation", says: `{"turn":"6s"}: canceled while at work, the attempt did not return within 5s`,
		},
		"deaf": {
			plugin: running(func(_ context.Context, k knob) error { <-time.After(k.Turn.Std()); return nil }),
			config: Config{Endless: map[string]any{"turn": "6s"}}, check: "cancellation", says: "with a context that is canceled from the beginning, the attempt did not return",
		},
		"panics when canceled": {
			plugin: running(func(ctx context.Context, k knob) error {
				if ctx.Err() != nil {
					panic("canceled")
				}
				return nil
			}),
			check: "cancellation", says: "the attempt panics: canceled",
		},
		"not endless": {
			plugin: running(func(ctx context.Context, k knob) error { return turn(knob{})(ctx) }),
			config: Config{Endless: hour}, check: "cancellation", says: "Endless: the attempt has ended by itself: COMPLETED",
		},
		"deaf at some point": {
			plugin: running(func(ctx context.Context, k knob) error {
				if turns.Add(1)%3 == 0 {
					<-time.After(6 * time.Second)
				}
				return turn(k)(ctx)
			}),
			config: Config{Endless: hour}, check: "cancellation", says: "did not return within 5s",
		},
		"one at a time": {
			plugin: running(func(ctx context.Context, k knob) error {
				if busy.Add(1) > 1 {
					return errors.New("busy")
				}
				defer busy.Add(-1)
				return turn(k)(ctx)
			}),
			config: Config{Good: soon}, check: "crowd", says: "one of 8 at once: the attempt fails instead of one that succeeds; its error: busy",
		},
		"cannot be closed before it has run": {
			plugin: closing(func(ran bool) error { return unless(ran, errors.New("nothing is open")) }),
			check:  "closing", says: `{"words":["x"]}: before it has run, Close fails: nothing is open`,
		},
		"cannot be closed after it has run": {
			plugin: closing(func(ran bool) error { return unless(!ran, errors.New("it is locked")) }),
			config: Config{Good: soon}, check: "endings", says: "Close fails: it is locked",
		},
		"cannot be closed after a cancellation": {
			plugin: closing(func(ran bool) error { return unless(!ran, errors.New("it is locked")) }),
			config: Config{Endless: hour}, check: "cancellation", says: `after a cancellation, Close fails: it is locked`,
		},
		"closes for too long": {
			plugin: closing(func(bool) error {
				if closings.Add(1) > 1 { // the first is that of the example, on the real clock
					time.Sleep(6 * time.Second)
				}
				return nil
			}),
			check: "closing", says: "Close did not return within 5s",
		},
		"panics when it is closed": {
			plugin: closing(func(bool) error { panic("closed") }),
			check:  "closing", says: "Close panics: closed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := faultsOf(t, test.plugin, test.config)
			if !slices.ContainsFunc(found[test.check], func(fault string) bool { return strings.Contains(fault, test.says) }) {
				t.Errorf("the check %q does not say %q; found %q", test.check, test.says, found)
			}
		})
	}
}

// What goes on is found out on the real clock, and would keep a bubble from ending.
func TestLeaksAreFound(t *testing.T) {
	forget := make(chan struct{})
	defer close(forget)
	for name, test := range map[string]struct {
		plugin plugin.Plugin
		config Config
	}{
		"Run, canceled": {plugin: running(func(ctx context.Context, _ knob) error {
			go func() { <-forget }()
			return ctx.Err()
		})},
		"Run, to its end": {
			plugin: running(func(ctx context.Context, k knob) error {
				err := turn(k)(ctx)
				if err == nil {
					go func() { <-forget }()
				}
				return err
			}),
			config: Config{Good: []Case{{Config: map[string]any{"turn": "1ms"}}}},
		},
		"Build": {plugin: define(func(knob) (supervisor.Task, error) {
			go func() { <-forget }()
			return supervisor.TaskFunc(turn(knob{})), nil
		})},
	} {
		s, _ := newSubject(test.plugin, test.config)
		faults := s.goroutines()
		if len(faults) != 1 || !strings.Contains(faults[0], "something goes on after all attempts are over; end it before Run returns or in Close, and start nothing in Build") {
			t.Errorf("%s: found %q", name, faults)
		}
	}
}

// What Build accepts and the schema does not cannot come from a plugin, as long as package plugin does what it promises.
func TestASchemaThatDiffersIsFound(t *testing.T) {
	s, _ := newSubject(checking(func(knob, *plugin.Violations) {}), Config{Good: soon})
	s.schema.Properties["turn"].Type = "number"
	resolved, err := s.schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.resolved = resolved
	if faults := s.good(); len(faults) != 1 || !strings.Contains(faults[0], "Build accepts it, the schema that people are shown does not") {
		t.Errorf("found %q", faults)
	}
}

// undescribedKnob has a key inside that nobody describes.
type undescribedKnob struct {
	Inner struct {
		Left bool `json:"left,omitempty"`
	} `json:"inner,omitzero" jsonschema:"what is inside"`
}

// contraryKnob has a default that contradicts its example once it is given.
type contraryKnob struct {
	Left  bool     `json:"left,omitempty" jsonschema:"to the left"`
	Right explicit `json:"right,omitzero" jsonschema:"to the right"`
}

// explicit is a number that knows whether it was given.
type explicit struct {
	n     int
	given bool
}

func (e explicit) MarshalText() ([]byte, error) { return fmt.Append(nil, e.n), nil }

func (e *explicit) UnmarshalText(text []byte) error {
	_, err := fmt.Sscan(string(text), &e.n)
	e.given = true
	return err
}

func (c *contraryKnob) SetDefaults() { c.Right.n = 1 }

func (c *contraryKnob) Validate() error {
	var v plugin.Violations
	v.Check(!c.Left || !c.Right.given, "right", "left or right, not both")
	return v.Err()
}
