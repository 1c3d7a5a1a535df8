package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes of Main and Run.
const (
	ExitClean       = 0   // it did what was asked
	ExitFailure     = 1   // it could not
	ExitUsage       = 2   // the command line is wrong; nothing was done
	ExitInterrupted = 130 // Ctrl-C, or SIGTERM, ended it
)

// Process is what a process has from its system.
type Process struct {
	Args   []string  // arguments, without the name of the program
	Stdin  io.Reader // what a verb reads that was told to
	Stdout io.Writer // takes what was asked for
	Stderr io.Writer // takes progress, and what went wrong
}

// Main runs the command line as the whole of a program, and exits with the code that says what happened. The verbs come in addition to those
// of this package.
func Main(verbs ...*cobra.Command) {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // for as long as the process lives
	os.Exit(Run(ctx, Process{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}, verbs...))
}

// Run is Main for tests: it returns the exit code. It returns soon after ctx is done.
func Run(ctx context.Context, p Process, verbs ...*cobra.Command) int {
	cmd := root(verbs)
	cmd.SetArgs(append([]string{}, p.Args...)) // cobra takes nil for those of the process
	cmd.SetIn(p.Stdin)
	cmd.SetOut(p.Stdout)
	cmd.SetErr(p.Stderr)
	at, err := cmd.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return ExitClean
	case ctx.Err() != nil:
		fmt.Fprintf(p.Stderr, "%s: interrupted\n", at.CommandPath())
		return ExitInterrupted
	}
	fmt.Fprintf(p.Stderr, "%s: %s\n", at.CommandPath(), err)
	if isUsage(err) {
		fmt.Fprintf(p.Stderr, "See %s --help.\n", at.CommandPath())
		return ExitUsage
	}
	return ExitFailure
}

// usageError says what is wrong with the command line.
type usageError struct{ error }

// Unwrap gives errors.Is and errors.As the mistake itself.
func (e usageError) Unwrap() error { return e.error }

// Usage marks the error as a mistake of who typed the command. Verbs of other packages mark theirs in the same way.
func (e usageError) Usage() bool { return true }

func isUsage(err error) bool {
	var mistake interface{ Usage() bool }
	return errors.As(err, &mistake) && mistake.Usage()
}
