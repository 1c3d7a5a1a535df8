package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

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
		if most > 0 && len(args) >= most || a.load() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		c, err := a.connect(client.WithRetry(client.Retry{Attempts: 1}))
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		return ask(ctx, c, toComplete), cobra.ShellCompDirectiveNoFileComp
	}
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

// completeFlags says what values flags may have.
func (a *app) completeFlags(cmd *cobra.Command) {
	values := map[string]completer{
		"output":    cobra.FixedCompletions(formats(), cobra.ShellCompDirectiveNoFileComp),
		"state":     cobra.FixedCompletions(stateWords(), cobra.ShellCompDirectiveNoFileComp),
		"kind":      cobra.FixedCompletions(words(pb.EventKind(0).Descriptor()), cobra.ShellCompDirectiveNoFileComp),
		"if-exists": cobra.FixedCompletions(words(pb.IfExists(0).Descriptor()), cobra.ShellCompDirectiveNoFileComp),
		"restart":   cobra.FixedCompletions(words(pb.RestartMode(0).Descriptor()), cobra.ShellCompDirectiveNoFileComp),
		"jitter":    cobra.FixedCompletions(words(pb.Jitter(0).Descriptor()), cobra.ShellCompDirectiveNoFileComp),
		"admission": cobra.FixedCompletions(words(pb.AdmissionPolicy(0).Descriptor()), cobra.ShellCompDirectiveNoFileComp),
		"plugin":    a.completePlugins(0),
	}
	for name, complete := range values {
		if cmd.Flags().Lookup(name) == nil && cmd.PersistentFlags().Lookup(name) == nil {
			continue
		}
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // the flag is there, so this is a mistake in this program, which every test finds
		}
	}
}
