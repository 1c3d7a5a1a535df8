package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// helpWidth is the width of the help text: a terminal of 100 columns, and readable on one of 80.
const helpWidth = 100

const description = `%s supervises tasks: it runs them, restarts them by their rules, and lets others
add, remove, list and watch them over gRPC. SIGINT (Ctrl-C) and SIGTERM stop all tasks and then the
daemon; a second one quits at once.

Each setting is a flag, an environment variable and a key of the YAML config file: --max-tasks,
TASKVISOR_MAX_TASKS and max-tasks. Flags go before the environment, and the environment before the
file. Several values are separated by commas; in the file they are a YAML list. A variable that is
empty and a key without a value count as not given.

%s`

// steps are what the command line leads to.
type steps struct {
	logTo func(*config)                        // the settings are read; those about the log are right, or at their defaults
	serve func(context.Context, *config) error // all of the config is right, and it is wanted for more than to be printed
}

// newCommand returns the command line.
func newCommand(o *options, p *Process, next steps) *cobra.Command {
	cmd := &cobra.Command{
		Use:           o.name,
		Short:         "Supervise tasks, controlled and observed over gRPC",
		Long:          fmt.Sprintf(description, o.name, exitHelp),
		Args:          noArguments,
		SilenceErrors: true, // Run reports them
		SilenceUsage:  true, // a page of help hides the sentence that says what is wrong
	}
	load := addSettings(cmd, p)
	printConfig := cmd.Flags().Bool("print-config", false, "check the settings, print them as a config file with where each comes from, and exit")
	// Those of cobra come with other words, and with -v, which elsewhere means verbose. What cobra does about the version brings text/template into
	// the binary, and with that the linker has to keep every exported method: 2.7 MB.
	version := cmd.Flags().Bool("version", false, "print the version and exit")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *version {
			fmt.Fprintln(cmd.OutOrStdout(), o.fullVersion())
			return nil
		}
		c, err := load()
		next.logTo(c)
		switch {
		case err != nil:
			return err
		case *printConfig:
			return writeConfig(cmd.OutOrStdout(), settings(), c)
		default:
			return next.serve(cmd.Context(), c)
		}
	}
	cmd.SetFlagErrorFunc(flagError)
	cmd.SetUsageFunc(usage)
	cmd.AddCommand(configCommand(o, p), versionCommand(o), healthCommand(o, p), completionCommand(o.name))
	cmd.CompletionOptions.DisableDefaultCmd = true
	return cmd
}

// addSettings adds the flags of all settings to a command, and --config. What it returns reads the settings, once the flags are parsed.
func addSettings(cmd *cobra.Command, p *Process) (load func() (*config, error)) {
	table := settings()
	flags := addFlags(cmd.Flags(), table)
	cmd.Flags().String("config", "", "YAML `FILE` of settings (environment: "+envConfig+")")
	cmd.Flags().BoolP("help", "h", false, "print this help and exit")
	return func() (*config, error) { return loadConfig(table, p.Env, flags(), cmd.Flags().Lookup("config")) }
}

func versionCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,

		DisableFlagsInUseLine: true,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), o.fullVersion())
		},
	}
}

// usage replaces that of cobra, which does not wrap lines.
func usage(cmd *cobra.Command) error {
	out := cmd.OutOrStderr()
	fmt.Fprintf(out, "Usage:\n  %s\n", cmd.UseLine())
	for _, sub := range leaves(cmd) {
		fmt.Fprintf(out, "  %s\n", sub.UseLine())
	}
	fmt.Fprintf(out, "\nFlags:\n%s", cmd.Flags().FlagUsagesWrapped(helpWidth))
	return nil
}

// leaves returns the commands below one that do something.
func leaves(cmd *cobra.Command) (list []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		switch {
		case sub.HasSubCommands():
			list = append(list, leaves(sub)...)
		case sub.IsAvailableCommand():
			list = append(list, sub)
		}
	}
	return list
}

// noArguments refuses what is neither a flag nor a command.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &usageError{[]string{fmt.Sprintf("%q is neither a flag nor a command; see %s --help", args[0], cmd.CommandPath())}}
}

// flagError says what is wrong with the flags, and what was likely meant.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &invalid): // all flags but the settings and --config, which take any text, are switches
		text = fmt.Sprintf("--%s: %q is neither true nor false", invalid.GetFlag().Name, invalid.GetValue())
	case errors.As(err, &unknown):
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := yamlfile.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			text += "; did you mean --" + near + "?"
		} else {
			text += "; see " + cmd.CommandPath() + " --help"
		}
	}
	return &usageError{[]string{text}}
}

// addFlags adds a flag for each setting. What it returns tells which were given, once they are parsed.
func addFlags(flags *pflag.FlagSet, table []setting) func() layer {
	values := make([]*flagValue, len(table))
	for i := range table {
		s := &table[i]
		values[i] = &flagValue{setting: s}
		flag := flags.VarPF(values[i], s.name, "", s.usage)
		if s.arg == "" {
			flag.NoOptDefVal = "true"
		}
	}
	flags.SortFlags = false // the order of the table tells more than the alphabet
	return func() layer {
		l := layer{}
		for _, v := range values {
			if v.given {
				l[v.setting.name] = given{v.values, "--" + v.setting.name}
			}
		}
		return l
	}
}

// flagValue collects what a flag was given, as a pflag.Value. It accepts all, so that the mistakes of all flags can be told at once.
type flagValue struct {
	setting *setting
	values  []string
	given   bool
}

// Set notes a value; a setting that takes several adds it to those before.
func (v *flagValue) Set(value string) error {
	v.values, v.given = append(v.values, v.setting.split(value)...), true
	return nil
}

// String returns the default, which pflag puts into the help text.
func (v *flagValue) String() string {
	if v.setting == nil { // pflag asks a zero value
		return ""
	}
	return v.setting.def
}

// Type names the value in the help text. pflag names none for "bool".
func (v *flagValue) Type() string {
	if v.setting.arg == "" {
		return "bool"
	}
	return v.setting.arg
}
