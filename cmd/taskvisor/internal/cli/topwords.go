package cli

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/taskvisor/taskvisor/client"
	"github.com/taskvisor/taskvisor/cmd/taskvisor/internal/top"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// screenWords are the words of this package, for the screen.
type screenWords struct {
	app    *app
	client *client.Client
}

func moodOf(t tint) top.Mood {
	switch t {
	case red:
		return top.Bad
	case yellow:
		return top.Warn
	case green:
		return top.Good
	case dim:
		return top.Faint
	case plain, bold, cyan:
	}
	return top.Neutral
}

// State implements top.Words.
func (w screenWords) State(t *pb.Task) (string, top.Mood) { return stateWord(t), moodOf(tintOf(t)) }

// Note implements top.Words.
func (w screenWords) Note(t *pb.Task) string { return note(t) }

// Event implements top.Words.
func (w screenWords) Event(e *pb.Event) (kind, detail string, mood top.Mood) {
	return word(e.GetKind()), detailOf(e), moodOf(tintOfEvent(e))
}

// Ended implements top.Words.
func (w screenWords) Ended(t *pb.Task) string { return endText(t) }

// Clock implements top.Words.
func (w screenWords) Clock(t time.Time) string { return w.app.here(t).Format("15:04:05") }

// Describe implements top.Words: it says what the verb get does.
func (w screenWords) Describe(t *pb.Task, who top.Asked) top.Description {
	d := top.Description{Sentences: why(t, asked{toAdd: who.ToAdd, toRemove: who.ToRemove, owner: who.Owner, others: who.Others})}
	for _, f := range w.app.fields(t) {
		if f.text != "" {
			d.Fields = append(d.Fields, top.Field{Title: f.title, Text: f.text})
		}
	}
	if len(t.GetSpec().GetConfig().GetFields()) == 0 {
		return d
	}
	var config bytes.Buffer
	if err := printMessage(&config, formatYAML, t.GetSpec().GetConfig()); err != nil {
		d.Config = []string{fmt.Sprintf("cannot be shown: %s", err)}
		return d
	}
	d.Config = strings.Split(strings.TrimSuffix(config.String(), "\n"), "\n")
	return d
}

// Filter implements top.Words.
func (w screenWords) Filter(text string) (*pb.EventFilter, error) {
	var s selection
	names, labels, _ := strings.Cut(" "+text+" ", " -l ")
	s.labels = strings.TrimSpace(labels)
	if s.labels == "" && slices.Contains(strings.Fields(text), "-l") {
		return nil, usagef("-l wants a label selector behind it: -l app=web")
	}
	return s.events(strings.Fields(names), nil)
}

// Asked implements top.Words.
func (w screenWords) Asked(ctx context.Context, t *pb.Task) top.Asked {
	who := w.app.asked(ctx, w.client, t)
	return top.Asked{ToAdd: who.toAdd, ToRemove: who.toRemove, Owner: who.owner, Others: who.others}
}

// Explain implements top.Words.
func (w screenWords) Explain(ctx context.Context, err error) string { return w.app.explain(ctx, err) }
