package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"testing"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"
)

// TestMain makes the test binary the program that a measurement starts again for its children.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "bench" {
		ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt)
		if err := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// execute runs a command line.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	root := &cobra.Command{Use: "taskvisor", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(Command())
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}
