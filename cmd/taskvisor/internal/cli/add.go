package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

const addHelp = `Add a task, from flags or from a file. The answer comes when the server has it, and not when it is done; --wait waits for that.

What the task does is up to a plugin: "taskvisor plugins" lists them, "taskvisor plugins exec" shows the config of one.
A command behind -- is short for the plugin exec: "add tick -- date -u" is --plugin exec --set 'command=["date","-u"]'.
Without NAME the server makes one.

Config: --config-json takes all of it. --set KEY=VALUE sets one key, a.b one inside another; VALUE is JSON if it reads as such (3, true,
["a","b"], "3"), and text otherwise (5s, http://…). --set goes before --config-json.

Rules: what no flag says is left to the server, whose defaults are those that the flags tell. --interval alone means --restart always.

A task with a --schedule waits for its times. A run that fails is retried, --max-retries times at most; --restart never leaves that out.
Whatever the end of a run, the next one begins at the next time, never beside one that goes on.

Files: -f reads YAML, or JSON from a name that ends in .json, or from standard input if FILE is -. Each document is a task, with
the fields of taskvisor.v1.TaskSpec, or has a list of them under tasks: the files of taskvisord --tasks will do.
All tasks of all files are judged by the server before the first is added; mistakes are told with file and line, all
at once. --if-exists, --validate-only and --wait apply to each.

If the name is taken: --if-exists fail (the default); keep, which changes nothing if the live task has the same spec
and fails, telling the differences, if not; replace, which stops the live task first.

--wait waits until the task has ended, and exits with the code for its outcome. Of several tasks the first that did not complete gives the
code.

-o json prints taskvisor.v1.Task, one object for each task; -o name its name.`

const addExample = `  taskvisor add tick --interval 1s -- date
  taskvisor add backup --restart never --attempt-timeout 10m --wait -- \
      rsync -a /srv /mnt
  taskvisor add nightly --schedule '30 2 * * *' --time-zone Europe/Berlin -- date
  taskvisor add nap --plugin sleep --set duration=5s --backoff-first 1s
  taskvisor add web --label app=web --if-exists replace --plugin exec \
      --config-json '{"command": ["nginx"]}'
  taskvisor add -f tasks.yaml --if-exists keep
  taskvisor add -f tasks.yaml --validate-only
  generate-tasks | taskvisor add -f -`

// addFlags are those of add, beside those of the spec.
type addFlags struct {
	spec         specFlags
	files        []string
	ifExists     string
	requestID    string
	validateOnly bool
	wait         bool
}

func addVerb(a *app) *cobra.Command {
	var f addFlags
	cmd := &cobra.Command{
		Use: "add [NAME] [flags] [-- COMMAND [ARG...]]", Short: "Add a task",
		Long: addHelp, Example: addExample,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 { // what follows the name is a command behind --, which may be a file and have files for arguments
				return nil, cobra.ShellCompDirectiveDefault
			}
			return nil, cobra.ShellCompDirectiveNoFileComp // a name that nobody has yet
		},
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		tasks, err := f.tasks(cmd, a, args)
		if err != nil {
			return err
		}
		c, err := a.connect()
		if err != nil {
			return err
		}
		return a.add(cmd.Context(), c, &f, tasks)
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVarP(&f.files, "file", "f", nil, "`FILE` with tasks, - for standard input; may be given several times")
	f.spec.addTo(flags)
	flags.StringVar(&f.ifExists, "if-exists", "", "what to do, a `MODE`, if a live task has the name: "+strings.Join(words(pb.IfExists(0).Descriptor()), ", ")+" (default fail)")
	flags.StringVar(&f.requestID, "request-id", "", "`ID` that makes it safe to run this command again: the same one gets the first answer (default: a new one)")
	flags.BoolVar(&f.validateOnly, "validate-only", false, "have the server judge it, but change nothing")
	flags.BoolVar(&f.wait, "wait", false, "wait until the task has ended; the exit code is its outcome")
	return cmd
}

// newTask is a task to add, and where it comes from.
type newTask struct {
	request *pb.AddTaskRequest
	source  *declared // nil: flags
}

// tasks returns what is to be added.
func (f *addFlags) tasks(cmd *cobra.Command, a *app, args []string) ([]newTask, error) {
	if f.wait && f.validateOnly {
		return nil, usagef("--wait has nothing to wait for with --validate-only; give either")
	}
	mode, err := optionalEnum(pb.IfExists(0).Descriptor(), "--if-exists", f.ifExists)
	if err != nil {
		return nil, err
	}
	request := func(spec *pb.TaskSpec) *pb.AddTaskRequest {
		return &pb.AddTaskRequest{Task: spec, IfExists: pb.IfExists(mode), RequestId: f.requestID}
	}
	if len(f.files) == 0 {
		spec, err := f.spec.build(args, cmd.ArgsLenAtDash())
		return []newTask{{request: request(spec)}}, err
	}
	if name := f.spec.given(cmd.Flags()); name != "" || len(args) > 0 || f.requestID != "" {
		return nil, usagef("-f has all of the tasks in it; leave out %s", firstOf(name, pick(len(args) > 0, "the arguments", ""), "--request-id"))
	}
	list, err := a.readTasks(f.files)
	if err != nil {
		return nil, err
	}
	tasks := make([]newTask, len(list))
	for i := range list {
		tasks[i] = newTask{request(list[i].spec), &list[i]}
	}
	return tasks, nil
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// add adds all tasks, once the server has found nothing wrong with any of them.
func (a *app) add(ctx context.Context, c *client.Client, f *addFlags, tasks []newTask) error {
	var added []*pb.Task
	if f.validateOnly || len(tasks) > 1 {
		judged, err := a.judge(ctx, c, tasks)
		if err != nil {
			return err
		}
		if f.validateOnly {
			return a.printAdded(judged, "would be added")
		}
	}
	for _, t := range tasks {
		task, err := a.addOne(ctx, c, t)
		if err != nil {
			if failed := a.printAdded(added, "added"); failed != nil {
				return failed
			}
			return about(t, err)
		}
		added = append(added, task)
	}
	if f.wait {
		return a.waitFor(ctx, c, added)
	}
	return a.printAdded(added, pick(f.ifExists == word(pb.IfExists_IF_EXISTS_KEEP), "is there", "added"))
}

func (a *app) addOne(ctx context.Context, c *client.Client, t newTask) (*pb.Task, error) {
	ctx, cancel := a.call(ctx)
	defer cancel()
	return c.Add(ctx, t.request)
}

// judge has the server look at all tasks without adding any. What it objects to in files is told with their lines.
func (a *app) judge(ctx context.Context, c *client.Client, tasks []newTask) ([]*pb.Task, error) {
	var judged []*pb.Task
	problems := false
	for _, t := range tasks {
		request := &pb.AddTaskRequest{Task: t.request.GetTask(), IfExists: t.request.GetIfExists(), ValidateOnly: true}
		task, err := a.addOne(ctx, c, newTask{request: request})
		switch {
		case err == nil:
			judged = append(judged, task)
		case t.source == nil || !t.source.report(err):
			return nil, about(t, err)
		default:
			problems = true
		}
	}
	if problems {
		return nil, problemsOf(tasks)
	}
	return judged, nil
}

// about says which of several tasks an error is about.
func about(t newTask, err error) error {
	if t.source == nil {
		return err
	}
	return &placedError{error: err, place: t.source.place()}
}

// placedError is the error of a server about a task in a file.
type placedError struct {
	error
	place string
}

// Unwrap gives errors.Is and errors.As the error of the server.
func (e *placedError) Unwrap() error { return e.error }

// printAdded says what happened. People get a line for each task, programs the tasks.
func (a *app) printAdded(tasks []*pb.Task, what string) error {
	if a.settings.output.isText() {
		for _, t := range tasks {
			uid := pick(t.GetUid() == "", "", fmt.Sprintf(" (uid %s)", t.GetUid()))
			if _, err := fmt.Fprintf(a.stdout, "task %q %s%s\n", t.GetName(), what, uid); err != nil {
				return err
			}
		}
		return nil
	}
	for i, t := range tasks {
		if i > 0 && a.settings.output == formatYAML {
			fmt.Fprintln(a.stdout, "---")
		}
		if err := a.printTask(t); err != nil {
			return err
		}
	}
	return nil
}
