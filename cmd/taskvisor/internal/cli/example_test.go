package cli_test

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/taskvisor/taskvisor/cmd/taskvisor/internal/cli"
)

// A verb of another package comes in addition to those of this one.
func ExampleRun() {
	greet := &cobra.Command{
		Use:  "greet",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "hello")
			return err
		},
	}
	p := cli.Process{Args: []string{"greet"}, Stdout: os.Stdout, Stderr: os.Stdout}
	fmt.Println("code", cli.Run(context.Background(), p, greet))
	p.Args = []string{"greet", "--loud"}
	fmt.Println("code", cli.Run(context.Background(), p, greet))
	// Output:
	// hello
	// code 0
	// taskvisor greet: unknown flag: --loud
	// See taskvisor greet --help.
	// code 2
}
