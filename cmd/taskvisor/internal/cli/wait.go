package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

const waitHelp = `Wait until a task has ended, and exit with a code that says how.

By NAME that is the live task, and not a later one of that name; where none is live, the one that lived last, as
long as the server keeps it. By UID it is one life. A task that ended before the call is found, and a connection that
breaks, or a server that is restarted, is waited for. A task that is stuck is not: exit code 16.

--timeout says how long to wait; without it, there is no limit.

-o json prints taskvisor.v1.Task as it ended, -o name its name.`

const waitExample = `  taskvisor wait backup && echo done
  taskvisor wait backup --timeout 10m
  taskvisor wait backup -o json | jq -r .outcomeReason`

func waitVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "wait NAME|UID", Short: "Wait until a task has ended; the exit code is its outcome",
		Long: waitHelp, Example: waitExample, Args: oneTask,
		ValidArgsFunction: a.completeTasks(true, 1),
		RunE: a.run(func(ctx context.Context, c *client.Client, args []string) error {
			ctx, cancel := a.endless(ctx)
			defer cancel()
			t, err := c.Wait(ctx, refOf(args[0]), a.reconnects(ctx))
			if err != nil {
				return a.notFound(ctx, c, args[0], err)
			}
			return a.ended(t)
		}),
	}
}

// ended tells how a task ended; the error has the exit code.
func (a *app) ended(t *pb.Task) error {
	if a.settings.output.isText() {
		if _, err := fmt.Fprintln(a.stdout, endText(t)); err != nil {
			return err
		}
	} else if err := a.printTask(t); err != nil {
		return err
	}
	if code := outcomeCode(t.GetOutcome()); code != ExitClean {
		return &outcomeError{code}
	}
	return nil
}

// endText says in a line how a task ended.
func endText(t *pb.Task) string {
	text := fmt.Sprintf("task %q %s after %s", t.GetName(), stateWord(t), count(t.GetAttempt(), "attempt"))
	if t.GetOutcome() == pb.Outcome_OUTCOME_REJECTED {
		text = fmt.Sprintf("task %q was rejected by slot %q", t.GetName(), slotOf(t))
	}
	if reason := oneLine(t.GetOutcomeReason()); reason != "" {
		text += ": " + reason
	}
	return text
}

// waitFor waits for all tasks, one after another, since all have to end. The first that did not complete gives the exit code.
func (a *app) waitFor(ctx context.Context, c *client.Client, tasks []*pb.Task) error {
	ctx, cancel := a.endless(ctx)
	defer cancel()
	var first error
	for _, t := range tasks {
		final, err := c.Wait(ctx, client.ByUID(t.GetUid()), a.reconnects(ctx))
		if err != nil {
			return err
		}
		var ended *outcomeError
		if err := a.ended(final); err != nil && !errors.As(err, &ended) {
			return err
		} else if first == nil {
			first = err
		}
	}
	return first
}
