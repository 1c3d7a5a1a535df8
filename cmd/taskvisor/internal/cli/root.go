package cli

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// name of the program in its messages.
const name = "taskvisor"

const exitHelp = `Exit codes:
  0    it did what was asked
  1    it could not
  2    the command line is wrong; nothing was done
  130  interrupted by Ctrl-C or SIGTERM`

func root(verbs []*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:           name,
		Short:         "Control and observe a Taskvisor server",
		Long:          "Control and observe a Taskvisor server, and measure one.\n\n" + exitHelp,
		Version:       fullVersion(),
		SilenceErrors: true, // Run reports them
		SilenceUsage:  true, // a page of help hides the sentence that says what is wrong
		Args:          noArguments,
		// Without a verb there is nothing to do but to tell which there are.
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	cmd.Flags().Bool("version", false, "print the version and exit") // cobra's own takes -v, which elsewhere means verbose
	cmd.SetVersionTemplate("{{.Version}}\n")
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	cmd.AddCommand(versionVerb())
	cmd.AddCommand(verbs...)
	return cmd
}

// noArguments refuses what is neither a flag nor a verb.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	problem := fmt.Sprintf("%q is neither a flag nor a command", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		problem += fmt.Sprintf("; did you mean %s?", strings.Join(near, " or "))
	}
	return usageError{errors.New(problem)}
}

func versionVerb() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,

		DisableFlagsInUseLine: true,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), fullVersion())
		},
	}
}

func fullVersion() string {
	version := "(unknown)"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	return fmt.Sprintf("%s %s (%s, %s/%s)", name, version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
