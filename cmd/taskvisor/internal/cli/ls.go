package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

const lsHelp = `List tasks, sorted by name.

NAME may be a glob: * stands for any characters but /, ? for one, [a-z] for one out of a set; quote it, or the shell
takes it for files. Several names, or uids, select whatever matches one of them. --state and -l narrow that down.

A selector, -l, has requirements with commas between them, which all have to be met:

  app=web, app!=web                    the label has that value, or not; one without the label has not
  app in (web,api), app notin (web)    it has one of them, or none
  app, !app                            the label is there, or not

Live tasks are those that have not ended. --all shows also those that have, as long as the server keeps them; so does --state with a state of
tasks that ended, which is any outcome, or finished for all of them.

Columns:

  STATE    queued (for its slot), waiting (for a permit to run), running, backoff (until the next attempt), stopping, stuck (was told to
           stop and does not); of tasks that ended the outcome: completed, failed, fatal, canceled, rejected, abandoned
  ATTEMPT  number of the running or last attempt
  FAILS    failures in a row
  AGE      since it was added
  NEXT     until the next attempt
  NOTE     of a task that runs, its progress, if it tells any; of one that fails, the last error; of one that ended, why; of one that is
           queued, for which slot

-o wide adds slot, generation, uid and labels. -o json prints {"tasks": […]} with the fields of taskvisor.v1.Task,
-o name one name a line.`

const lsExample = `  taskvisor ls
  taskvisor ls 'web-*' db
  taskvisor ls --state backoff,stuck            what needs a look
  taskvisor ls --state failed,fatal             what has ended badly
  taskvisor ls -l 'app=web,tier!=canary'
  taskvisor ls --all                            with those that ended
  taskvisor ls -o json | jq -r '.tasks[].lastError.reason'
  taskvisor ls -o name --state stuck`

// lsFlags are those of ls.
type lsFlags struct {
	selection
	states []string
	all    bool
}

func lsVerb(a *app) *cobra.Command {
	var f lsFlags
	cmd := &cobra.Command{
		Use: "ls [NAME|UID]...", Aliases: []string{"list"}, Short: "List tasks",
		Long: lsHelp, Example: lsExample,
		ValidArgsFunction: a.completeTasks(false, 0),
		RunE: a.run(func(ctx context.Context, c *client.Client, args []string) error {
			wanted, err := f.wanted()
			if err != nil {
				return err
			}
			req, err := f.request(args, wanted)
			if err != nil {
				return err
			}
			return a.list(ctx, c, req, wanted)
		}),
	}
	f.addTo(cmd.Flags())
	cmd.Flags().StringSliceVar(&f.states, "state", nil, "only tasks in these states, a list of `STATE`: "+strings.Join(stateWords(), ", "))
	cmd.Flags().BoolVar(&f.all, "all", false, "also tasks that have ended")
	return cmd
}

// stateWords are the words for states and for outcomes: to a person, an outcome is the state of a task that has ended.
func stateWords() []string {
	return append(words(pb.TaskState(0).Descriptor()), words(pb.Outcome(0).Descriptor())...)
}

// wantedStates are what --state asks for. The server knows states; which of the finished tasks have one of the outcomes is found out here.
type wantedStates struct {
	states   []pb.TaskState
	outcomes []pb.Outcome // none: any
}

func (f *lsFlags) wanted() (w wantedStates, err error) {
	for _, text := range f.states {
		state, notState := parseEnum(pb.TaskState(0).Descriptor(), text)
		outcome, notOutcome := parseEnum(pb.Outcome(0).Descriptor(), text)
		switch {
		case notState == nil:
			w.states = append(w.states, pb.TaskState(state))
		case notOutcome == nil:
			w.outcomes = append(w.outcomes, pb.Outcome(outcome))
		default:
			return w, usagef("--state: wants one of %s, not %q", strings.Join(stateWords(), ", "), text)
		}
	}
	switch {
	case slices.Contains(w.states, pb.TaskState_TASK_STATE_FINISHED):
		w.outcomes = nil
	case w.outcomes != nil:
		w.states = append(w.states, pb.TaskState_TASK_STATE_FINISHED)
	}
	return w, nil
}

// has reports whether a task that the server has selected by its state is wanted.
func (w *wantedStates) has(t *pb.Task) bool {
	return t.GetState() != pb.TaskState_TASK_STATE_FINISHED || len(w.outcomes) == 0 || slices.Contains(w.outcomes, t.GetOutcome())
}

func (f *lsFlags) request(args []string, wanted wantedStates) (*pb.ListTasksRequest, error) {
	filter, err := f.tasks(args)
	if err != nil {
		return nil, err
	}
	filter.States = wanted.states
	return &pb.ListTasksRequest{Filter: filter, IncludeFinished: f.all || slices.Contains(filter.GetStates(), pb.TaskState_TASK_STATE_FINISHED) ||
		slices.ContainsFunc(args, isUID), // who knows a uid means that life, ended or not
	}, nil
}

// list prints the tasks that the request selects.
func (a *app) list(ctx context.Context, c *client.Client, req *pb.ListTasksRequest, wanted wantedStates) error {
	tasks, err := a.collect(ctx, c, req)
	if err != nil {
		return err
	}
	tasks = slices.DeleteFunc(tasks, func(t *pb.Task) bool { return !wanted.has(t) })
	if len(tasks) == 0 && a.settings.output.isText() {
		hint := pick(req.GetIncludeFinished(), "", "; --all shows those that have ended, too")
		_, err := fmt.Fprintln(a.stderr, a.nothingSelected(req, hint))
		return err
	}
	return a.printTasks(a.stdout, tasks)
}

// collect returns the tasks of all pages.
func (a *app) collect(ctx context.Context, c *client.Client, req *pb.ListTasksRequest) (tasks []*pb.Task, err error) {
	ctx, cancel := a.call(ctx)
	defer cancel()
	req.PageSize = listPage
	for t, err := range c.List(ctx, req) {
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// listPage is the size of a page: as large as may be.
const listPage = 1000

// nothingSelected says so, and which server was asked, since it may be the wrong one.
func (a *app) nothingSelected(req *pb.ListTasksRequest, hint string) string {
	f := req.GetFilter()
	kind := pick(req.GetIncludeFinished(), " task", " live task")
	what := "No" + kind + " matches"
	if len(f.GetNames())+len(f.GetUids())+len(f.GetStates()) == 0 && f.GetLabelSelector() == "" {
		what = "There is no" + kind
	}
	return fmt.Sprintf("%s at %s (%s)%s.%s", what, a.settings.server, a.origin(), hint, a.otherwise())
}

func (a *app) printTasks(w io.Writer, tasks []*pb.Task) error {
	switch a.settings.output {
	case formatJSON, formatYAML:
		return printList(w, a.settings.output, "tasks", tasks)
	case formatName:
		for _, t := range tasks {
			if _, err := fmt.Fprintln(w, t.GetName()); err != nil {
				return err
			}
		}
		return nil
	case formatTable, formatWide:
	}
	return a.taskTable(tasks).writeTo(w)
}

func (a *app) taskTable(tasks []*pb.Task) *columns {
	table := &columns{style: a.style, columns: []column{
		{title: "NAME", least: 16}, {title: "PLUGIN", least: 6}, {title: "STATE"}, {title: "ATTEMPT", right: true}, {title: "FAILS", right: true},
		{title: "AGE", right: true}, {title: "NEXT", right: true},
	}}
	wide := a.settings.output == formatWide
	if wide {
		table.style.width = 0 // who asks for all of it wants it uncut
		table.columns = append(table.columns, column{title: "SLOT"}, column{title: "GEN", right: true}, column{title: "UID"}, column{title: "LABELS"})
	}
	table.columns = append(table.columns, column{title: "NOTE", least: 14})
	for _, t := range tasks {
		row := []cell{
			{t.GetName(), plain}, {t.GetSpec().GetPlugin(), plain}, {stateWord(t), tintOf(t)}, {fmt.Sprint(t.GetAttempt()), plain},
			{fmt.Sprint(t.GetFailureStreak()), plain}, {since(t.GetCreateTime()), plain}, {untilNext(t), plain},
		}
		if wide {
			row = append(row, cell{t.GetSlot(), plain}, cell{fmt.Sprint(t.GetGeneration()), plain}, cell{t.GetUid(), plain}, cell{labelText(t), plain})
		}
		table.add(append(row, cell{note(t), dim})...)
	}
	return table
}

func untilNext(t *pb.Task) string {
	if t.GetNextAttemptTime() == nil {
		return ""
	}
	return span(max(time.Until(t.GetNextAttemptTime().AsTime()), 0))
}

func labelText(t *pb.Task) string {
	labels := t.GetSpec().GetLabels()
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		pairs = append(pairs, key+"="+labels[key])
	}
	return strings.Join(pairs, ",")
}

// note is what to know about a task at first sight.
func note(t *pb.Task) string {
	switch t.GetState() { //nolint:exhaustive // there is nothing more to say about the others
	case pb.TaskState_TASK_STATE_QUEUED:
		return "for slot " + t.GetSlot()
	case pb.TaskState_TASK_STATE_FINISHED:
		return t.GetOutcomeReason()
	case pb.TaskState_TASK_STATE_RUNNING:
		if t.GetProgress() != "" {
			return t.GetProgress()
		}
	}
	if t.GetFailureStreak() > 0 {
		return t.GetLastError().GetReason()
	}
	return ""
}
