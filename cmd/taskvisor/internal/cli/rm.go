package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

const rmHelp = `Stop tasks and remove them. The command is done when their bodies have returned, and prints how they ended.

Give names, globs, uids, or -l; --all means all live tasks. Tasks that are selected by a glob, by -l or by --all are looked up first
and removed by their uid, so that one that is added meanwhile under the same name is spared. Several are stopped at the
same time.

A body that ignores that it is told to stop is reported when the grace period is over, with exit code 16: --grace, or that of the server. Its
task stays listed as stuck, and is removed as soon as the body returns. --timeout does not apply unless it is given: a removal
takes as long as the body does.

-o json prints taskvisor.v1.Task as it ended, one object for each task; -o name its name.`

const rmExample = `  taskvisor rm tick
  taskvisor rm 'batch/*' --grace 1m
  taskvisor rm -l app=web,tier!=db
  taskvisor rm tick --ignore-missing            fine if there is no such task
  taskvisor rm --all                            all that the server runs`

// rmFlags are those of rm.
type rmFlags struct {
	selection
	grace         durationFlag
	ignoreMissing bool
	all           bool
}

func rmVerb(a *app) *cobra.Command {
	var f rmFlags
	cmd := &cobra.Command{
		Use: "rm {NAME|UID}...", Aliases: []string{"remove", "stop"}, Short: "Stop tasks, and wait until they have",
		Long: rmHelp, Example: rmExample,
		ValidArgsFunction: a.completeTasks(false, 0),
		RunE: a.run(func(ctx context.Context, c *client.Client, args []string) error {
			if err := f.check(args); err != nil {
				return err
			}
			ctx, cancel := a.endless(ctx)
			defer cancel()
			requests, err := f.requests(ctx, a, c, args)
			if err != nil {
				return err
			}
			return a.removeAll(ctx, c, requests)
		}),
	}
	f.addTo(cmd.Flags())
	cmd.Flags().Var(&f.grace, "grace", "how long a body may take to return (default: that of the server)")
	cmd.Flags().BoolVar(&f.ignoreMissing, "ignore-missing", false, "do not complain about a task that is not there")
	cmd.Flags().BoolVar(&f.all, "all", false, "all live tasks")
	return cmd
}

func (f *rmFlags) check(args []string) error {
	switch {
	case f.all && !f.isEmpty(args):
		return usagef("--all means all tasks; leave it out, or the rest")
	case slices.Contains(args, ""):
		return usagef("NAME or UID is empty")
	case !f.all && f.isEmpty(args):
		return usagef("which task? Give NAME, UID or -l; --all means all of them")
	case f.labels != "" && slices.ContainsFunc(args, isUID):
		return usagef("a uid is one task, labels select among several; leave one of them out")
	}
	return nil
}

// requests returns a request for each task, in the order of the arguments.
func (f *rmFlags) requests(ctx context.Context, a *app, c *client.Client, args []string) (requests []*pb.RemoveTaskRequest, err error) {
	add := func(name, uid string) {
		requests = append(requests, &pb.RemoveTaskRequest{Name: name, Uid: uid, GracePeriod: f.grace.proto(), AllowMissing: f.ignoreMissing})
	}
	var patterns []string
	for _, arg := range args {
		switch {
		case isUID(arg):
			add("", arg)
		case isPattern(arg) || f.labels != "":
			patterns = append(patterns, arg)
		default:
			add(arg, "")
		}
	}
	if patterns == nil && f.labels == "" && !f.all {
		return requests, nil
	}
	req := &pb.ListTasksRequest{Filter: &pb.TaskFilter{Names: patterns, LabelSelector: f.labels}}
	selected, err := a.collect(ctx, c, req)
	if err != nil {
		return nil, err
	}
	for _, t := range selected {
		add("", t.GetUid())
	}
	if len(requests) == 0 {
		fmt.Fprintln(a.stderr, a.nothingSelected(req, ""))
	}
	return requests, nil
}

// maxRemovals is how many tasks are stopped at the same time.
const maxRemovals = 32

// removeAll removes tasks, and tells of them, in the order of the requests, when it is done with all.
func (a *app) removeAll(ctx context.Context, c *client.Client, requests []*pb.RemoveTaskRequest) error {
	tasks := make([]*pb.Task, len(requests))
	problems := make([]error, len(requests))
	var g errgroup.Group
	g.SetLimit(maxRemovals)
	for i, req := range requests {
		g.Go(func() error {
			tasks[i], problems[i] = c.Remove(ctx, req)
			return nil
		})
	}
	_ = g.Wait() // the errors are in problems
	tasks = slices.DeleteFunc(tasks, func(t *pb.Task) bool { return t == nil })
	if err := a.printRemoved(tasks); err != nil {
		return err
	}
	return a.joined(ctx, c, requests, problems)
}

func (a *app) printRemoved(tasks []*pb.Task) error {
	if !a.settings.output.isText() {
		return a.printAdded(tasks, "")
	}
	for _, t := range tasks {
		if _, err := fmt.Fprintf(a.stdout, "task %q removed: %s after %s\n", t.GetName(), stateWord(t), count(t.GetAttempt(), "attempt")); err != nil {
			return err
		}
	}
	return nil
}

// joined returns what went wrong. Of several errors each is told; the last one is the one that gives the exit code.
func (a *app) joined(ctx context.Context, c *client.Client, requests []*pb.RemoveTaskRequest, problems []error) error {
	var last error
	for i, err := range problems {
		if err == nil {
			continue
		}
		if last != nil {
			fmt.Fprintf(a.stderr, "%s rm: %s\n", programName, a.explain(ctx, last))
		}
		last = err
		if ctx.Err() == nil {
			last = a.notRemoved(ctx, c, firstOf(requests[i].GetName(), requests[i].GetUid()), err)
		}
	}
	return last
}

// notRemoved adds to the error that the task has ended already, or which names come near.
func (a *app) notRemoved(ctx context.Context, c *client.Client, arg string, err error) error {
	if !client.IsNotFound(err) {
		return err
	}
	if t, missing := c.Get(ctx, refOf(arg)); missing == nil && t.GetState() == pb.TaskState_TASK_STATE_FINISHED {
		return &endedError{err, t}
	}
	return a.notFound(ctx, c, arg, err)
}

// endedError is the error of a server about a task that is not live any more.
type endedError struct {
	error
	task *pb.Task
}

// Unwrap gives errors.Is and errors.As the error of the server.
func (e *endedError) Unwrap() error { return e.error }
