package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// marked is a mistake that a verb of another package found.
type marked struct{}

func (marked) Error() string { return "3 is too few" }
func (marked) Usage() bool   { return true }

// verb returns a verb that does what it is told.
func verb(run func(ctx context.Context) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: "verb", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return run(cmd.Context()) },
	}
	cmd.Flags().Int("size", 1, "a number")
	return cmd
}

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		args   string
		err    error
		code   int
		stderr string
	}{
		{"", nil, ExitClean, ""},
		{"verb", nil, ExitClean, ""},
		{"verb", errors.New("the machine is on fire"), ExitFailure, "taskvisor verb: the machine is on fire\n"},
		{"verb", marked{}, ExitUsage, "taskvisor verb: 3 is too few\nSee taskvisor verb --help.\n"},
		{"verb --size x", nil, ExitUsage, "taskvisor verb: --size: wants a whole number, not \"x\"\nSee taskvisor verb --help.\n"},
		{"verb --sise 1", nil, ExitUsage, "taskvisor verb: unknown flag: --sise; did you mean --size?\nSee taskvisor verb --help.\n"},
		{"verb now", nil, ExitUsage, "taskvisor verb: \"now\" is neither a flag nor a command\nSee taskvisor verb --help.\n"},
		{"vreb", nil, ExitUsage, "taskvisor: \"vreb\" is neither a flag nor a command; did you mean verb?\nSee taskvisor --help.\n"},
		{"--verb", nil, ExitUsage, "taskvisor: unknown flag: --verb"},
	} {
		var stdout, stderr bytes.Buffer
		code := Run(t.Context(), Process{Args: strings.Fields(tt.args), Stdout: &stdout, Stderr: &stderr}, verb(func(context.Context) error { return tt.err }))
		if code != tt.code || !strings.HasPrefix(stderr.String(), tt.stderr) || tt.stderr == "" && stderr.Len() > 0 {
			t.Errorf("%q: code %d, want %d; it said %q, want %q", tt.args, code, tt.code, &stderr, tt.stderr)
		}
	}
}

func TestInterruptedIsNotAFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var stderr bytes.Buffer
	code := Run(ctx, Process{Args: []string{"verb"}, Stderr: &stderr}, verb(func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}))
	if want := "taskvisor verb: interrupted\n"; code != ExitInterrupted || stderr.String() != want {
		t.Errorf("code %d, %q", code, &stderr)
	}
}

func TestHelpListsTheVerbsAndTheExitCodes(t *testing.T) {
	var stdout bytes.Buffer
	Run(t.Context(), Process{Args: []string{"--help"}, Stdout: &stdout}, verb(nil))
	for _, word := range []string{"version", "verb", "130  interrupted"} {
		if !strings.Contains(stdout.String(), word) {
			t.Errorf("the help does not say %q:\n%s", word, &stdout)
		}
	}
}
