package cli

import (
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/pflag"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// selection is which tasks are meant: by name, glob, uid and label.
type selection struct {
	labels string
}

func (s *selection) addTo(flags *pflag.FlagSet) {
	flags.StringVarP(&s.labels, "selector", "l", "", "only tasks whose labels meet the `SELECTOR`: 'app=web,tier in (front,back),!legacy'")
}

// isUID reports whether an argument is a uid. A task may be named like one; such a task is meant by its uid only.
func isUID(arg string) bool {
	_, err := uuid.Parse(arg)
	return err == nil && len(arg) == len(uuid.Nil.String())
}

// isPattern reports whether an argument may match several names.
func isPattern(arg string) bool { return strings.ContainsAny(arg, `*?[\`) }

func refOf(arg string) client.Ref {
	if isUID(arg) {
		return client.ByUID(arg)
	}
	return client.ByName(arg)
}

// split tells uids from names and globs.
func split(args []string) (names, uids []string) {
	for _, arg := range args {
		if isUID(arg) {
			uids = append(uids, arg)
		} else {
			names = append(names, arg)
		}
	}
	return names, uids
}

// errMixed: a filter wants both of what it has, so that of a name and another uid selects nothing.
var errMixed = usagef("names and uids cannot be mixed: the server selects what has one of the names and one of the uids; give either")

// events returns the filter of a stream.
func (s *selection) events(args []string, kinds []pb.EventKind) (*pb.EventFilter, error) {
	names, uids := split(args)
	if names != nil && uids != nil {
		return nil, errMixed
	}
	return &pb.EventFilter{Names: names, Uids: uids, LabelSelector: s.labels, Kinds: kinds}, nil
}

// tasks returns the filter of a list.
func (s *selection) tasks(args []string) (*pb.TaskFilter, error) {
	names, uids := split(args)
	if names != nil && uids != nil {
		return nil, errMixed
	}
	return &pb.TaskFilter{Names: names, Uids: uids, LabelSelector: s.labels}, nil
}

// isEmpty reports that nothing narrows the selection.
func (s *selection) isEmpty(args []string) bool { return len(args) == 0 && s.labels == "" }
