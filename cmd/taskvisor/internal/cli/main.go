package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/taskvisor/taskvisor/client"
)

// Process is what a process has from its system. The zero value of each field is one that works.
type Process struct {
	Args    []string // arguments, without the name of the program
	Environ []string // as os.Environ gives it
	Stdin   io.Reader
	Stdout  io.Writer // takes what was asked for
	Stderr  io.Writer // takes progress, and what went wrong

	// Terminal says what Stdout is.
	Terminal Terminal
	// Version of the program. Default: that of the module it was built from.
	Version string
	// Zone is where times are shown. Default: that of the machine.
	Zone *time.Location
	// Dial connects to the server. Default: client.Dial.
	Dial func(target string, opts ...client.Option) (*client.Client, error)
}

// Terminal describes where output goes. The zero value is no terminal: lines are as long as they are, and nothing is coloured.
type Terminal struct {
	Is    bool // it is one
	Width int  // columns; 0: not known
}

// Main runs the command line as the whole of a program, and exits with the code that says what happened. The verbs come in addition to those
// of this package.
func Main(verbs ...*cobra.Command) {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // for as long as the process lives
	os.Exit(Run(ctx, Process{
		Args: os.Args[1:], Environ: os.Environ(), Terminal: terminalOf(os.Stdout),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}, verbs...))
}

func terminalOf(f *os.File) Terminal {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return Terminal{}
	}
	width, _, err := term.GetSize(fd)
	if err != nil {
		width = 0 // not known: COLUMNS may say
	}
	return Terminal{Is: true, Width: width}
}

// Run is Main for tests: it returns the exit code. It returns soon after ctx is done.
func Run(ctx context.Context, p Process, verbs ...*cobra.Command) int {
	a := newApp(p)
	defer a.close()
	cmd := root(a, verbs)
	cmd.SetArgs(append([]string{}, p.Args...)) // cobra takes nil for those of the process
	cmd.SetIn(p.Stdin)
	cmd.SetOut(a.stdout)
	cmd.SetErr(a.stderr)
	at, err := cmd.ExecuteContextC(ctx)
	var ended *outcomeError
	switch {
	case err == nil:
		return ExitClean
	case errors.As(err, &ended): // has been told
		return ended.code
	case ctx.Err() != nil:
		fmt.Fprintf(a.stderr, "%s: interrupted\n", at.CommandPath())
		return ExitInterrupted
	}
	fmt.Fprintf(a.stderr, "%s: %s\n", at.CommandPath(), a.explain(ctx, err))
	if isUsage(err) {
		fmt.Fprintf(a.stderr, "See %s --help.\n", at.CommandPath())
	}
	return exitCode(err)
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

// setupError says what is wrong with files and variables, where the help of the verb is of no help.
type setupError struct{ error }

// Unwrap gives errors.Is and errors.As the mistake itself.
func (e setupError) Unwrap() error { return e.error }

// usagef returns what is wrong with the command line.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
