package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Bounds of completion: whoever presses TAB waits for it, and reads what comes.
const (
	completionTimeout = 700 * time.Millisecond
	maxCompletions    = 200
)

// completer returns what an argument may be.
type completer = func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// completeWith makes a completer of a question to the server. A server that does not answer at once completes nothing: there is no place for a
// message here.
func (a *app) completeWith(ask func(ctx context.Context, c *client.Client, toComplete string) []string, most int) completer {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.ask(cmd, toComplete, ask), cobra.ShellCompDirectiveNoFileComp
	}
}

// completePart is completeWith for what goes on behind what is completed: no blank follows.
func (a *app) completePart(ask func(ctx context.Context, c *client.Client, toComplete string) []string) completer {
	return func(cmd *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		return a.ask(cmd, toComplete, ask), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func (a *app) ask(cmd *cobra.Command, toComplete string, ask func(ctx context.Context, c *client.Client, toComplete string) []string) []string {
	if a.load() != nil {
		return nil
	}
	c, err := a.connect(client.WithRetry(client.Retry{Attempts: 1}))
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
	defer cancel()
	return ask(ctx, c, toComplete)
}

// completeTasks completes names of tasks, with those that ended if all is set; at most so many arguments, 0 for any number.
func (a *app) completeTasks(all bool, most int) completer {
	return a.completeWith(func(ctx context.Context, c *client.Client, toComplete string) (names []string) {
		// The server does the filtering, since there may be many. What a pattern means is not completed.
		if isPattern(toComplete) {
			return nil
		}
		req := &pb.ListTasksRequest{PageSize: maxCompletions, IncludeFinished: all}
		if toComplete != "" {
			req.Filter = &pb.TaskFilter{Names: prefixPatterns(toComplete)}
		}
		for t, err := range c.List(ctx, req) {
			if err != nil || len(names) == maxCompletions {
				break
			}
			if n := len(names); n == 0 || !strings.HasPrefix(names[n-1], t.GetName()+"\t") {
				names = append(names, t.GetName()+"\t"+stateWord(t))
			}
		}
		return names
	}, most)
}

// prefixPatterns returns patterns for the names that begin with text: * stops at /, so each level needs its own.
func prefixPatterns(text string) (patterns []string) {
	pattern := text + "*"
	for range 4 {
		patterns = append(patterns, pattern)
		pattern += "/*"
	}
	return patterns
}

func (a *app) completePlugins(most int) completer {
	return a.completeWith(func(ctx context.Context, c *client.Client, _ string) (names []string) {
		for p, err := range c.Plugins(ctx) {
			if err != nil {
				break
			}
			names = append(names, p.GetName()+"\t"+p.GetDescription())
		}
		return names
	}, most)
}

// completeFlags says what values flags may have. What is neither named here nor a file completes nothing, rather than names of files.
func (a *app) completeFlags(cmd *cobra.Command) {
	values := map[string]completer{
		"output":    fixed(formats()),
		"state":     listOf(stateWords()),
		"kind":      listOf(words(pb.EventKind(0).Descriptor())),
		"if-exists": fixed(words(pb.IfExists(0).Descriptor())),
		"restart":   fixed(words(pb.RestartMode(0).Descriptor())),
		"jitter":    fixed(words(pb.Jitter(0).Descriptor())),
		"admission": fixed(words(pb.AdmissionPolicy(0).Descriptor())),
		"plugin":    a.completePlugins(0),
		"selector":  a.completeSelector(),
		"label":     a.completeLabels(),
		"set":       a.completeConfig(cmd),
	}
	register := func(flag *pflag.Flag) {
		name, _ := pflag.UnquoteUsage(flag)
		complete := values[flag.Name]
		switch {
		case complete == nil && name == "FILE":
			return // which is what shells complete by themselves
		case complete == nil:
			complete = cobra.NoFileCompletions
		}
		if err := cmd.RegisterFlagCompletionFunc(flag.Name, complete); err != nil {
			panic(err) // the flag is there, so this is a mistake in this program, which every test finds
		}
	}
	cmd.Flags().VisitAll(register)
	cmd.PersistentFlags().VisitAll(register)
}

func fixed(values []string) completer {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

// listOf completes the last value of several with commas between them.
func listOf(values []string) completer {
	return func(_ *cobra.Command, _ []string, toComplete string) (all []string, _ cobra.ShellCompDirective) {
		before := toComplete[:strings.LastIndexByte(toComplete, ',')+1]
		given := strings.Split(before, ",")
		for _, value := range values {
			if !slices.Contains(given, value) {
				all = append(all, before+value)
			}
		}
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}
