package daemon

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// shells are those that complete the command line, and how each gets its script.
var shells = []struct {
	name  string
	write func(root *cobra.Command, w io.Writer) error
}{
	{"bash", func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) }},
	{"fish", func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) }},
	{"powershell", (*cobra.Command).GenPowerShellCompletionWithDesc},
	{"zsh", (*cobra.Command).GenZshCompletion},
}

func shellNames() (names []string) {
	for _, shell := range shells {
		names = append(names, shell.name)
	}
	return names
}

const completionHelp = `Print a script with which the shell completes the command line. Shells: %s.
For bash, put this into the file that it reads at its start:

  source <(%s completion bash)`

// completionCommand replaces that of cobra, which answers a shell that it does not know with a page of help and the exit code of success.
func completionCommand(name string) *cobra.Command {
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "Print a script that completes the command line",
		Long:      fmt.Sprintf(completionHelp, strings.Join(shellNames(), ", "), name),
		ValidArgs: shellNames(),
		Args:      oneShell,
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, shell := range shells {
				if shell.name == args[0] {
					return shell.write(cmd.Root(), cmd.OutOrStdout())
				}
			}
			return nil // oneShell lets no other name pass
		},

		DisableFlagsInUseLine: true,
	}
}

func oneShell(cmd *cobra.Command, args []string) error {
	if len(args) == 1 && slices.Contains(shellNames(), args[0]) {
		return nil
	}
	return &usageError{[]string{fmt.Sprintf("%s: give one of %s", cmd.Name(), strings.Join(shellNames(), ", "))}}
}
