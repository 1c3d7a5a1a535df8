package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// updates prints what a watch tells. It belongs to one goroutine.
type updates struct {
	app    *app
	lines  eventLines
	tasks  []*pb.Task // of the snapshot so far
	cursor *pb.Cursor // of the last update; nil: none had one

	printed int // updates that are more than a position
}

func newUpdates(a *app) *updates { return &updates{app: a, lines: eventLines{app: a}} }

// print prints one update. What was missed goes to standard error, for people, and among the rest, for programs.
func (p *updates) print(u client.Update) error {
	if cursor := u.Cursor(); cursor != nil {
		p.cursor = cursor
	}
	if u.Kind != client.UpdatePosition {
		p.printed++
	}
	if !p.app.settings.output.isText() {
		return p.printJSON(u)
	}
	switch u.Kind {
	case client.UpdateEvent:
		_, err := fmt.Fprintln(p.app.stdout, p.lines.line(u.Event))
		return err
	case client.UpdateGap, client.UpdateEpoch:
		_, err := fmt.Fprintf(p.app.stderr, "%s: %s\n", programName, u)
		return err
	case client.UpdateSnapshot:
		p.tasks = nil
	case client.UpdateTask:
		p.tasks = append(p.tasks, u.Task)
	case client.UpdateSynced:
		tasks := p.tasks
		p.tasks = nil
		return p.app.taskTable(tasks).writeTo(p.app.stdout)
	case client.UpdatePosition:
	}
	return nil
}

// printJSON prints an update as one line: an object with one key for what it is, and the cursor behind it.
func (p *updates) printJSON(u client.Update) error {
	var key string
	var message proto.Message
	switch u.Kind {
	case client.UpdateEvent:
		key, message = "event", u.Event
	case client.UpdateGap:
		key, message = "gap", u.Gap
	case client.UpdateTask:
		key, message = "task", u.Task
	case client.UpdateEpoch:
		return p.object(u, "epoch", map[string]any{"previous": cursorText(u.Epoch.Previous), "current": u.Epoch.Current, "complete": u.Epoch.Complete})
	case client.UpdateSnapshot:
		return p.object(u, "snapshot", true)
	case client.UpdateSynced:
		return p.object(u, "synced", true)
	case client.UpdatePosition:
		return nil
	}
	data, err := compactJSON(message)
	if err != nil {
		return err
	}
	return p.object(u, key, json.RawMessage(data))
}

func (p *updates) object(u client.Update, key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{%q:%s", key, data)
	if cursor := u.Cursor(); cursor != nil {
		fmt.Fprintf(&b, ",%q:%q", "cursor", cursorText(cursor))
	}
	b.WriteString("}\n")
	_, err = b.WriteTo(p.app.stdout)
	return err
}

// cursorText returns a cursor as --since takes it.
func cursorText(c *pb.Cursor) string { return fmt.Sprintf("%s:%d", c.GetEpoch(), c.GetSequence()) }

func parseCursor(text string) (*pb.Cursor, error) {
	i := strings.LastIndexByte(text, ':')
	if i <= 0 {
		return nil, usagef("--since: wants a cursor, EPOCH:SEQUENCE, not %q; watch prints it when it is interrupted, and -o json with each line", text)
	}
	n, err := strconv.ParseUint(text[i+1:], 10, 64)
	if err != nil {
		return nil, usagef("--since: %q is no sequence; a cursor is EPOCH:SEQUENCE", text[i+1:])
	}
	return &pb.Cursor{Epoch: text[:i], Sequence: n}, nil
}
