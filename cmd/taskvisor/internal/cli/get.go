package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/yamlfile"
)

const getHelp = `Show one task, and explain in words why it is in its state: what happened last, what the server waits for, when the next
attempt comes, what ended it, and who asked for it.

By NAME that is the live task; where none is live, the one that lived last, as long as the server keeps it. By UID
it is one life, live or ended. Who asked is known as long as the event log of the server reaches back that far, and only if callers are
authenticated.

-o json prints taskvisor.v1.Task, -o name its name.`

const getExample = `  taskvisor get tick
  taskvisor get 01a20b48-6bdb-75bd-a41b-438ab349ad54
  taskvisor get tick -o json | jq .spec.config
  watch -n 1 taskvisor get tick`

func getVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "get NAME|UID", Aliases: []string{"describe"}, Short: "Show a task, and explain why it is in its state",
		Long: getHelp, Example: getExample, Args: oneTask,
		ValidArgsFunction: a.completeTasks(true, 1),
		RunE: a.run(func(ctx context.Context, c *client.Client, args []string) error {
			ctx, cancel := a.call(ctx)
			defer cancel()
			t, err := c.Get(ctx, refOf(args[0]))
			switch {
			case err != nil:
				return a.notFound(ctx, c, args[0], err)
			case a.settings.output.isText():
				return a.describe(ctx, c, t)
			}
			return a.printTask(t)
		}),
	}
}

// printTask prints a task for programs.
func (a *app) printTask(t *pb.Task) error {
	if a.settings.output == formatName {
		_, err := fmt.Fprintln(a.stdout, t.GetName())
		return err
	}
	return printMessage(a.stdout, a.settings.output, t)
}

// notFound adds to the error which names come near.
func (a *app) notFound(ctx context.Context, c *client.Client, arg string, err error) error {
	if !client.IsNotFound(err) || isUID(arg) {
		return err
	}
	var near []string
	for t, err := range c.List(ctx, &pb.ListTasksRequest{PageSize: listPage}) {
		if err != nil {
			break // the error to tell is the other one
		}
		if isNear(arg, t.GetName()) {
			near = append(near, t.GetName())
		}
		if len(near) == maxNear {
			break
		}
	}
	if near == nil {
		return err
	}
	return &nearError{err, near}
}

// maxNear is how many names are suggested at most.
const maxNear = 5

// nearError is the error of a server about a name, with names that come near.
type nearError struct {
	error
	names []string
}

// Error says what the server says, and which names come near.
func (e *nearError) Error() string { return e.error.Error() }

// Unwrap gives errors.Is and errors.As the error of the server.
func (e *nearError) Unwrap() error { return e.error }

// isNear reports whether a name may be meant by what was typed.
func isNear(typed, name string) bool {
	return len(typed) > 2 && strings.Contains(strings.ToLower(name), strings.ToLower(typed)) || yamlfile.Nearest(typed, []string{name}) != ""
}
