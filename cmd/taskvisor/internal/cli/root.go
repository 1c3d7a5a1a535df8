package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// programName is the name of the program in its messages.
const programName = "taskvisor"

const rootHelp = `Control and observe a Taskvisor server from a terminal or a script. Each command has a manual of its own: taskvisor COMMAND --help.

Which server: --server, or else TASKVISOR_SERVER, or else server in the config file, or else ` + defaultServer + `. Where a message is
about the server, it says which one was asked, and where its address comes from. "taskvisor version" tells, too.

Config file: ` + displayConfig + `, in YAML; another one with --config FILE. Its keys are the global flags: flags go before variables of the
environment, and these before the file. Paths in it are relative to it. For a second server, keep a second file:

  server: tasks.example.org:7700
  tls-ca: ca.pem
  token-file: token

The certificate of this side is TASKVISOR_CLIENT_CERT and TASKVISOR_CLIENT_KEY in the environment, since TASKVISOR_TLS_CERT is that of the daemon.

Output: what was asked for goes to standard output, all else to standard error. Tables are as wide as the terminal, or as COLUMNS
says; into a file or a pipe, nothing is cut. Colours are for terminals, and only while NO_COLOR is not set. Scripts have -o json and
the exit codes.

Completion: taskvisor completion SHELL prints a script with which TAB completes names of tasks and plugins, labels, and values of flags.`

const rootExample = `  taskvisor add tick --interval 1s -- date      run date every second
  taskvisor ls                                  list the tasks
  taskvisor get tick                            explain why it is in its state
  taskvisor watch tick                          follow what happens to it
  taskvisor top                                 all of that on one screen, live
  taskvisor rm tick                             stop it, and wait until it has
  taskvisor --server /run/taskvisord.sock ls    talk to another server
  taskvisor --config prod.yaml ls               one that a file describes`

func root(a *app, verbs []*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:           programName + " COMMAND",
		Short:         "Control and observe a Taskvisor server",
		Long:          rootHelp,
		Example:       rootExample,
		SilenceErrors: true, // Run reports them
		SilenceUsage:  true, // a page of help hides the sentence that says what is wrong
		Args:          noArguments,

		SuggestionsMinimumDistance: 2,
	}
	// Cobra's own takes -v, which elsewhere means verbose, and its template would bring text/template into the binary, and with that the linker
	// has to keep every exported method: 2.3 MB.
	version := cmd.Flags().Bool("version", false, "print the version and exit")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *version {
			_, err := fmt.Fprintln(a.stdout, a.build())
			return err
		}
		return cmd.Help() // without a verb there is nothing to do but to tell which there are
	}
	cmd.SetFlagErrorFunc(flagError)
	cmd.SetHelpFunc(a.manual)
	cmd.SetHelpCommand(helpVerb())
	cmd.CompletionOptions.DisableDefaultCmd = true
	a.flags.addTo(cmd.PersistentFlags())
	a.completeFlags(cmd)
	a.exits[cmd] = allCodes()
	cmd.AddCommand(a.verbs()...)
	cmd.AddCommand(verbs...)
	for _, verb := range verbs {
		refuseSettings(a, verb)
	}
	return cmd
}

// verbs are those of this package.
func (a *app) verbs() (verbs []*cobra.Command) {
	for _, v := range []struct {
		cmd   *cobra.Command
		codes []int // beside commonCodes
	}{
		{addVerb(a), append(outcomeCodes(), ExitConflict)},
		{lsVerb(a), nil},
		{topVerb(a), nil},
		{getVerb(a), []int{ExitNotFound}},
		{rmVerb(a), []int{ExitNotFound, ExitStuck}},
		{watchVerb(a), nil},
		{eventsVerb(a), nil},
		{logsVerb(a), []int{ExitNotFound}},
		{waitVerb(a), append(outcomeCodes(), ExitNotFound)},
		{pluginsVerb(a), []int{ExitNotFound}},
		{versionVerb(a), nil},
	} {
		v.cmd.PersistentPreRunE = func(*cobra.Command, []string) error { return a.load() }
		a.completeFlags(v.cmd)
		a.exits[v.cmd] = append(commonCodes(), v.codes...)
		verbs = append(verbs, v.cmd)
	}
	completion := completionVerb(a)
	refuseSettings(a, completion)
	return append(verbs, completion)
}

// refuseSettings makes a verb that talks to no server say so, rather than ignore which one it is told to talk to.
func refuseSettings(a *app, verb *cobra.Command) {
	verb.PersistentPreRunE = func(*cobra.Command, []string) error {
		for _, s := range table() {
			if _, ok := a.flags.given[s.name]; ok {
				return usagef("--%s means nothing here: this verb asks no server that runs already", s.name)
			}
		}
		return nil
	}
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
	return usagef("%s", problem)
}

// oneTask wants the name or the uid of one task.
func oneTask(cmd *cobra.Command, args []string) error {
	if err := oneArgument("NAME or UID")(cmd, args); err != nil {
		return err
	}
	if isPattern(args[0]) {
		return usagef("%q is a pattern, and %s is about one task; taskvisor ls '%s' lists those that match", args[0], cmd.Name(), args[0])
	}
	return nil
}

// oneArgument wants exactly one, and says what.
func oneArgument(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usagef("%s is missing", what)
		case args[0] == "":
			return usagef("%s is empty", what)
		case len(args) > 1:
			return usagef("%q is one too many: give one %s", args[1], what)
		}
		return nil
	}
}
