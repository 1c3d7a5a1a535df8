package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func versionVerb(*app) *cobra.Command {
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
