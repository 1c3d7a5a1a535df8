package plugintest

import (
	"cmp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// DefaultWithin is the default of Config.Within.
const DefaultWithin = 5 * time.Second

// Config says how to try a plugin. Without anything in it, the kit tries the example.
type Config struct {
	// Good are configs that are accepted, and how attempts with them end. Default: the example, if that is all there is to try, is
	// accepted, and not run.
	Good []Case
	// Bad are configs that are refused.
	Bad []Bad
	// Endless is a config of a body that runs until it is canceled; nil where there is none.
	Endless map[string]any
	// AtWork, if set, waits until a body of Endless is where a cancellation is worth a test: when a request has arrived, say.
	AtWork func()
	// Within is how long an attempt that is canceled may take to return. Default: 5 s.
	Within time.Duration
	// Virtual runs the bodies of Good and Endless on the virtual clock of testing/synctest. It is for bodies that wait for time and for other
	// goroutines, and for nothing outside of the process.
	Virtual bool
}

// Case is a config that is accepted, and how an attempt with it ends.
type Case struct {
	Name       string // for messages; the config itself by default
	Config     map[string]any
	End        End           // Succeeds by default
	Reason     string        // part of the text of the error; not checked if empty
	ExitCode   int           // that the error carries; 0 for none
	RetryAfter time.Duration // that the error carries; 0 for none
}

// Bad is a config that is refused.
type Bad struct {
	Config map[string]any
	Path   string // of one of the violations: "command[1]"; empty for the config as a whole
}

// End is how an attempt ends.
type End uint8

// The ends.
const (
	Succeeds End = iota
	Fails        // with an error that may be retried
	Dies         // with an error marked by supervisor.Fatal
	Panics
)

var endNames = [...]string{Succeeds: "succeeds", Fails: "fails", Dies: "fails for good", Panics: "panics"}

// String says it in words.
func (e End) String() string { return endNames[min(e, Panics)] }

// Run checks the plugin in subtests of t.
func Run(t *testing.T, p plugin.Plugin, c Config) {
	t.Helper()
	s, faults := newSubject(p, c)
	if len(faults) > 0 {
		t.Fatalf("the plugin cannot be registered: %s", faults[0])
	}
	for _, check := range checks() {
		t.Run(check.name, func(t *testing.T) {
			if c.Virtual && check.virtual {
				synctest.Test(t, func(t *testing.T) { report(t, check.inBubble(s)) })
				return
			}
			report(t, check.find(s))
		})
	}
}

// maxFaults is how many faults of one check are told.
const maxFaults = 10

func report(t *testing.T, faults []string) {
	t.Helper()
	for i, fault := range faults {
		if i == maxFaults {
			t.Errorf("and %d more", len(faults)-i)
			return
		}
		t.Error(fault)
	}
}

// check is one of the checks. find returns what is wrong.
type check struct {
	name    string
	virtual bool // it only runs bodies
	find    func(*subject) []string
}

// Patience with attempts that are to end by themselves; on the virtual clock also with those that ignore their cancellation, lest the bubble bursts
// before anybody reads why.
const (
	patience        = time.Minute
	virtualPatience = 24 * time.Hour
)

// inBubble does the check in a bubble of testing/synctest.
func (c check) inBubble(s *subject) []string {
	inside := *s
	inside.settle, inside.patience = synctest.Wait, virtualPatience
	faults := c.find(&inside)
	if len(faults) > 0 {
		<-time.After(virtualPatience)
	}
	return faults
}

func checks() []check {
	return []check{
		{"description", false, (*subject).description},
		{"example", false, (*subject).exampleWorks},
		{"good", false, (*subject).good},
		{"bad", false, (*subject).bad},
		{"nonsense", false, (*subject).nonsense},
		{"goroutines", false, (*subject).goroutines},
		{"endings", true, (*subject).endings},
		{"cancellation", true, (*subject).cancellation},
		{"crowd", true, (*subject).crowd},
		{"closing", true, (*subject).closing},
	}
}

func (c Config) within() time.Duration { return cmp.Or(c.Within, DefaultWithin) }
