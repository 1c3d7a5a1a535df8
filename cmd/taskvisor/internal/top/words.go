package top

import (
	"context"
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Mood says how something is: what needs somebody to look, and what does not.
type Mood uint8

// Moods.
const (
	Neutral Mood = iota
	Good
	Warn  // may need a look
	Bad   // needs one
	Faint // does not matter any more
)

// Words are how the command line says things, so that they have the same names everywhere. Text may have any characters, those of the server
// included: it is cleaned where it is drawn. All but Asked and Explain is called in the goroutine that draws, and must be quick.
type Words interface {
	// State is the state of a task in one word, and how that is.
	State(t *pb.Task) (string, Mood)
	// Note is what to know about a task at first sight; empty: nothing.
	Note(t *pb.Task) string
	// Event is the kind of an event in one word, what else it tells, and how that is.
	Event(e *pb.Event) (kind, detail string, mood Mood)
	// Ended says how a task ended that somebody removed.
	Ended(t *pb.Task) string
	// Describe is all that a person wants to know about a task.
	Describe(t *pb.Task, who Asked) Description
	// Clock is the time of day.
	Clock(t time.Time) string
	// Filter reads what is given to the filter, in the form of arguments: names, globs or uids, then -l and a label selector.
	Filter(text string) (*pb.EventFilter, error)
	// Asked looks into the log for who is behind what happens to a task. Where the log cannot be read, nobody knows.
	Asked(ctx context.Context, t *pb.Task) Asked
	// Explain says what went wrong and what to do about it. It may ask the network, and takes as long as that does.
	Explain(ctx context.Context, err error) string
}

// Asked says who is behind what happens to a task, as far as the server tells.
type Asked struct {
	ToAdd, ToRemove *pb.Event // nil: not known
	Owner           string    // of the slot that the task waits for; empty: not known
	Others          uint64    // tasks that wait for that as well
}

// Description is all that a person wants to know about a task.
type Description struct {
	Sentences []string // why it is in its state
	Fields    []Field  // without those that are empty
	Config    []string // lines
}

// Field is one thing to know.
type Field struct{ Title, Text string }
