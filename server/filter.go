package server

import (
	"fmt"
	"strings"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/internal/glob"
	"github.com/taskvisor/taskvisor/server/internal/label"
	"github.com/taskvisor/taskvisor/supervisor"
)

func (v *violations) filterLength(field string, length int) bool {
	v.check(length <= maxFilterItems, field, "%d values are too many; give at most %d", length, maxFilterItems)
	return length <= maxFilterItems
}

// names selects names of tasks: exact ones and globs, as path.Match has them. Without any it selects all.
type names struct {
	exact set[string]
	globs []glob.Glob
}

// maxGlobBytes bounds the work of one match. A name has at most 128 bytes, so that a longer pattern is most likely a mistake.
const maxGlobBytes = 512

func newNames(field string, patterns []string, v *violations) (n names) {
	if !v.filterLength(field, len(patterns)) {
		return n
	}
	var exact []string
	for i, pattern := range patterns {
		field := fmt.Sprintf("%s[%d]", field, i)
		if len(pattern) > maxGlobBytes {
			v.add(field, "%s has %d bytes; give a pattern of at most %d", quote(pattern), len(pattern), maxGlobBytes)
			continue
		}
		switch compiled, err := glob.Compile(pattern); {
		case pattern == "":
			v.add(field, "the pattern is empty and matches no name; leave it out to select all")
		case err != nil:
			v.add(field, "%s is no pattern; close each [ with ], and put a \\ before a character that is meant as such", quote(pattern))
		case strings.ContainsAny(pattern, `*?[\`):
			n.globs = append(n.globs, compiled)
		default:
			exact = append(exact, pattern)
		}
	}
	n.exact = newSet(exact)
	return n
}

func (n *names) match(name string) bool {
	if len(n.globs) == 0 {
		return n.exact.has(name)
	}
	if n.exact.size > 0 && n.exact.has(name) {
		return true
	}
	for i := range n.globs {
		if n.globs[i].Match(name) {
			return true
		}
	}
	return false
}

// list returns the names, if the filter selects by exact ones only; else none.
func (n *names) list() []string {
	if len(n.globs) > 0 {
		return nil
	}
	return n.exact.values()
}

// taskFilter selects tasks. The zero value selects all.
type taskFilter struct {
	names  names
	states bits[supervisor.State]
	labels label.Selector
	uids   set[supervisor.UID]
}

func newTaskFilter(field string, f *pb.TaskFilter, v *violations) taskFilter {
	return taskFilter{
		names:  newNames(field+".names", f.GetNames(), v),
		states: newBits[supervisor.State](field+".states", f.GetStates(), wireStates[:], v),
		labels: v.selector(field+".label_selector", f.GetLabelSelector()),
		uids:   newSet(v.uids(field+".uids", f.GetUids())),
	}
}

// uids returns the uids that a filter has.
func (v *violations) uids(field string, texts []string) []supervisor.UID {
	if !v.filterLength(field, len(texts)) {
		return nil
	}
	uids := make([]supervisor.UID, len(texts))
	for i, text := range texts {
		uids[i] = v.uid(fmt.Sprintf("%s[%d]", field, i), text)
	}
	return uids
}

func (f *taskFilter) match(snap *supervisor.Snapshot) bool {
	return f.states.has(snap.State) && f.matchTask(snap.Spec.Name, snap.UID, snap.Spec.Labels)
}

// matchTask is match without regard to the state.
func (f *taskFilter) matchTask(name string, uid supervisor.UID, labels map[string]string) bool {
	return f.names.match(name) && f.uids.has(uid) && f.labels.Match(labels)
}

// eventFilter selects events. The zero value selects all.
type eventFilter struct {
	kinds  bits[supervisor.Kind]
	byTask bool       // whether tasks selects less than all
	tasks  taskFilter // without states
}

func newEventFilter(field string, f *pb.EventFilter, v *violations) eventFilter {
	filter := eventFilter{
		kinds: newBits[supervisor.Kind](field+".kinds", f.GetKinds(), wireKinds[:], v),
		tasks: newTaskFilter(field, &pb.TaskFilter{Names: f.GetNames(), LabelSelector: f.GetLabelSelector(), Uids: f.GetUids()}, v),
	}
	filter.byTask = len(f.GetNames()) > 0 || len(f.GetUids()) > 0 || !filter.tasks.labels.IsEmpty()
	return filter
}

// all reports whether the filter selects all events.
func (f *eventFilter) all() bool { return f.kinds == 0 && !f.byTask }

// match: an event about no task is not among those that a filter selects by tasks, not even by a label that they lack. A filtered stream asks
// this of every event, so it takes some nanoseconds and allocates nothing.
func (f *eventFilter) match(e *eventKey) bool {
	return f.kinds.has(e.kind) && (!f.byTask || e.task != "" && f.tasks.matchTask(e.task, e.uid, e.labels))
}
