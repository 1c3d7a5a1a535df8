package server

import (
	"fmt"
	"path"
	"strings"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/internal/label"
	"github.com/taskvisor/taskvisor/supervisor"
)

// set is a set that, if it is nil, has everything in it: a filter without values selects all.
type set[T comparable] map[T]struct{}

func (s set[T]) has(value T) bool {
	if s == nil {
		return true
	}
	_, ok := s[value]
	return ok
}

// newSet returns the set of what convert makes of the values of a field.
func newSet[V any, T comparable](field string, values []V, v *violations, convert func(field string, value V) T) set[T] {
	if len(values) == 0 || !v.filterLength(field, len(values)) {
		return nil
	}
	s := make(set[T], len(values))
	for i, value := range values {
		s[convert(fmt.Sprintf("%s[%d]", field, i), value)] = struct{}{}
	}
	return s
}

func (v *violations) filterLength(field string, length int) bool {
	v.check(length <= maxFilterItems, field, "%d values are too many; give at most %d", length, maxFilterItems)
	return length <= maxFilterItems
}

// names selects names of tasks: exact ones and globs, as path.Match has them. Without any it selects all.
type names struct {
	exact set[string]
	globs []string
}

// maxGlobBytes bounds the work of one match. A name has at most 128 bytes, so that a longer pattern is most likely a mistake.
const maxGlobBytes = 512

func newNames(field string, patterns []string, v *violations) (n names) {
	if len(patterns) == 0 || !v.filterLength(field, len(patterns)) {
		return n
	}
	n.exact = set[string]{}
	for i, pattern := range patterns {
		field := fmt.Sprintf("%s[%d]", field, i)
		_, err := path.Match(pattern, "")
		switch {
		case pattern == "":
			v.add(field, "the pattern is empty and matches no name; leave it out to select all")
		case len(pattern) > maxGlobBytes:
			v.add(field, "%s has %d bytes; give a pattern of at most %d", quote(pattern), len(pattern), maxGlobBytes)
		case err != nil:
			v.add(field, "%s is no pattern; close each [ with ], and put a \\ before a character that is meant as such", quote(pattern))
		case strings.ContainsAny(pattern, `*?[\`):
			n.globs = append(n.globs, pattern)
		default:
			n.exact[pattern] = struct{}{}
		}
	}
	return n
}

// match: an event about no task has no name, and must not match "*".
func (n *names) match(name string) bool {
	if n.exact.has(name) {
		return true
	}
	if name == "" {
		return false
	}
	for _, glob := range n.globs {
		if ok, _ := path.Match(glob, name); ok { // the pattern was checked
			return true
		}
	}
	return false
}

// taskFilter selects tasks. The zero value selects all.
type taskFilter struct {
	names  names
	states set[pb.TaskState]
	labels label.Selector
	uids   set[supervisor.UID]
}

func newTaskFilter(field string, f *pb.TaskFilter, v *violations) taskFilter {
	return taskFilter{
		names: newNames(field+".names", f.GetNames(), v),
		states: newSet(field+".states", f.GetStates(), v, func(field string, state pb.TaskState) pb.TaskState {
			v.enum(field, state, false)
			return state
		}),
		labels: v.selector(field+".label_selector", f.GetLabelSelector()),
		uids:   newSet(field+".uids", f.GetUids(), v, v.uid),
	}
}

func (f *taskFilter) match(snap *supervisor.Snapshot) bool {
	return f.names.match(snap.Spec.Name) && f.states.has(toWire(wireStates[:], snap.State)) && f.uids.has(snap.UID) &&
		f.labels.Match(snap.Spec.Labels)
}

// eventFilter selects events. The zero value selects all.
type eventFilter struct {
	tasks taskFilter // without states
	kinds set[pb.EventKind]
}

func newEventFilter(field string, f *pb.EventFilter, v *violations) eventFilter {
	return eventFilter{
		tasks: newTaskFilter(field, &pb.TaskFilter{Names: f.GetNames(), LabelSelector: f.GetLabelSelector(), Uids: f.GetUids()}, v),
		kinds: newSet(field+".kinds", f.GetKinds(), v, func(field string, kind pb.EventKind) pb.EventKind {
			v.enum(field, kind, false)
			return kind
		}),
	}
}

// match: an event about no task has an empty name and a zero uid, which are not among those that a filter can name. It has no labels either,
// but is not among those that lack a label.
func (f *eventFilter) match(e *supervisor.Event) bool {
	return f.kinds.has(toWire(wireKinds[:], e.Kind)) && f.tasks.names.match(e.Task) && f.tasks.uids.has(e.UID) &&
		(f.tasks.labels.IsEmpty() || e.Task != "" && f.tasks.labels.Match(e.Labels))
}
