package cli

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

const completionHelp = `Print a script with which TAB completes the command line: commands, flags and their values, names of tasks and plugins, and labels. For
the names, TAB asks the server, for at most a second; without an answer, it completes the rest.

SHELL is bash, fish, powershell or zsh. The examples make it work in the shell that runs them; to have it in each, put the line
into the file that the shell reads when it starts. Bash needs its package bash-completion, zsh has to have run compinit before.`

const completionExample = `  source <(taskvisor completion bash)           in ~/.bashrc
  source <(taskvisor completion zsh)            in ~/.zshrc
  taskvisor completion fish | source            in ~/.config/fish/config.fish
  taskvisor completion powershell | Out-String | Invoke-Expression`

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

// completionVerb replaces that of cobra, which answers a shell that it does not know with a page of help and the exit code of success.
func completionVerb(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print a script that completes the command line", Long: completionHelp, Example: completionExample,
		ValidArgs: shellNames(), DisableFlagsInUseLine: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := oneArgument("SHELL")(cmd, args); err != nil {
				return err
			}
			if !slices.Contains(shellNames(), args[0]) {
				return usagef("%q is no shell that it knows; give one of %s", args[0], strings.Join(shellNames(), ", "))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			i := slices.Index(shellNames(), args[0])
			return shells[i].write(cmd.Root(), a.stdout)
		},
	}
}
