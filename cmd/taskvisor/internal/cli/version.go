package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/taskvisor/taskvisor/client"
)

const versionHelp = `Print the versions of this program and of the server. With --client, that of this program, and the server is not asked.`

const versionExample = `  taskvisor version
  taskvisor version --client`

func versionVerb(a *app) *cobra.Command {
	var clientOnly bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print the versions of this program and of the server", Long: versionHelp, Example: versionExample, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintln(a.stdout, fullVersion())
			if clientOnly {
				return nil
			}
			c, err := a.connect(client.WithGRPC(grpc.WithChainUnaryInterceptor(a.noteVersion)))
			if err != nil {
				return err
			}
			return a.serverVersion(cmd.Context(), c)
		},
	}
	cmd.Flags().BoolVar(&clientOnly, "client", false, "only that of this program")
	return cmd
}

func (a *app) serverVersion(ctx context.Context, c *client.Client) error {
	ctx, cancel := a.call(ctx)
	defer cancel()
	if _, err := c.Cursor(ctx); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "server %s at %s\n", pick(a.version == "", "(does not say its version)", a.version), a.settings.server)
	return err
}

// versionHeader is what servers send with each answer.
const versionHeader = "taskvisor-version"

// noteVersion keeps what the server says about its version.
func (a *app) noteVersion(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	var header metadata.MD
	err := call(ctx, method, req, reply, conn, append(opts, grpc.Header(&header))...)
	if values := header.Get(versionHeader); len(values) > 0 {
		a.version = values[0]
	}
	return err
}
