package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/taskvisor/taskvisor/client"
)

const versionHelp = `Print the versions of this program and of the server. With --client, that of this program, and the server is not asked.

A server that does not answer is an error, after the version of this program is printed. What the server says needs the role watch.

It says which server that is, and where its address comes from.

-o json prints {"client": {"version": …, "go": …, "platform": …}, "server": {"address": …, "origin": …, "version": …}}.`

const versionExample = `  taskvisor version
  taskvisor version --client
  taskvisor version -o json | jq -r .server.version`

func versionVerb(a *app) *cobra.Command {
	var clientOnly bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print the versions of this program and of the server", Long: versionHelp, Example: versionExample, Args: noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.settings.output == formatName {
				return usagef("-o name is not for version; give -o json, or leave it out")
			}
			v := versions{Client: a.build()}
			if clientOnly {
				return a.printVersions(v)
			}
			c, err := a.connect()
			if err == nil {
				v.Server, err = a.serverVersion(cmd.Context(), c)
			}
			if printed := a.printVersions(v); printed != nil {
				return printed
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&clientOnly, "client", false, "only that of this program")
	return cmd
}

// versions is what -o json prints.
type versions struct {
	Client build `json:"client"`
	Server *peer `json:"server,omitempty"`
}

// build says what this program is.
type build struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// peer says which server was asked, and what it is; its version is empty if it does not say.
type peer struct {
	Address string `json:"address"`
	Origin  string `json:"origin"` // who chose the address
	Version string `json:"version"`
}

func (a *app) build() build {
	b := build{Version: a.process.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok && b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" {
		b.Version = "(unknown)"
	}
	return b
}

// String is the line for people.
func (b build) String() string {
	return fmt.Sprintf("%s %s (%s, %s)", programName, b.Version, b.Go, b.Platform)
}

func (a *app) serverVersion(ctx context.Context, c *client.Client) (*peer, error) {
	ctx, cancel := a.call(ctx)
	defer cancel()
	version, err := c.ServerVersion(ctx)
	if err != nil {
		return nil, err
	}
	return &peer{a.settings.server, firstOf(a.settings.origins["server"], "default"), version}, nil
}

func (a *app) printVersions(v versions) error {
	if !a.settings.output.isText() {
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		return printJSON(a.stdout, a.settings.output, data)
	}
	if _, err := fmt.Fprintln(a.stdout, v.Client); err != nil || v.Server == nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "server %s at %s (%s)\n", firstOf(v.Server.Version, "(does not say its version)"), v.Server.Address, a.origin())
	return err
}
