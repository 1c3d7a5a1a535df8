package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const checkHelp = `Check the settings as the daemon would read them with the same flags, environment and config file, and all
files that they name: certificates, tokens, tasks and their plugins. Nothing is started, no address is
listened on, nothing is changed. All that is wrong is printed.

Exit codes:
  0  the daemon would accept the settings
  2  it would not`

// configCommand is the command "config check".
func configCommand(o *options, p *Process) *cobra.Command {
	config := &cobra.Command{
		Use:   "config COMMAND",
		Short: "Look at the settings",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{[]string{fmt.Sprintf("config: %q is no command; there is check", args[0])}}
			}
			return &usageError{[]string{"config: give the command check"}}
		},

		DisableFlagsInUseLine: true,
	}
	config.Flags().BoolP("help", "h", false, "print this help and exit")
	check := &cobra.Command{
		Use:   "check [flags]",
		Short: "Check the settings and the files that they name",
		Long:  checkHelp,
		Args:  noArguments,

		DisableFlagsInUseLine: true,
	}
	load := addSettings(check, p)
	check.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := load()
		k := &checker{daemon: &daemon{config: c, options: o, handler: slog.DiscardHandler, log: slog.New(slog.DiscardHandler)}}
		if err := k.run(cmd.Context(), err); err != nil {
			return err
		}
		return k.report(cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	config.AddCommand(check)
	return config
}

// checker judges all that a daemon is given, without starting it.
type checker struct {
	daemon    *daemon
	problems  []string
	addresses []checkedAddress
}

// checkedAddress is an address to listen on.
type checkedAddress struct {
	setting string
	address *net.TCPAddr
}

// run judges all. settings is what is wrong with the settings by themselves. Then files are still looked at, but nothing is that depends on several
// settings, such as which plugins there are: that would be a guess.
func (k *checker) run(ctx context.Context, settings error) (err error) {
	if k.problems, err = gather(nil, settings); err != nil {
		return err
	}
	if k.problems == nil {
		err = k.add(k.daemon.prepare(ctx))
	} else {
		err = k.readFiles()
	}
	if err != nil {
		return err
	}
	if settings == nil {
		k.checkAddresses()
		k.checkSocket()
	}
	if k.problems != nil {
		return &usageError{k.problems}
	}
	return nil
}

// add notes what is wrong, and returns errors about anything else.
func (k *checker) add(err error) error {
	k.problems, err = gather(k.problems, err)
	return err
}

// readFiles judges the files by themselves.
func (k *checker) readFiles() error {
	problems, err := k.daemon.readFiles()
	if err != nil {
		return err
	}
	k.problems = append(k.problems, problems...)
	return k.add(k.daemon.declared.err(k.daemon.config))
}

// checkAddresses looks up all addresses, as far as that can be done now.
func (k *checker) checkAddresses() {
	c := k.daemon.config
	for _, one := range []struct{ setting, address string }{
		{"listen", c.listen}, {"http-listen", c.httpListen}, {healthListen, c.healthListen},
	} {
		if one.address == "" {
			continue
		}
		resolved, err := c.resolve(one.setting, one.address)
		if err != nil {
			k.problems = append(k.problems, err.Error())
			continue
		}
		k.checkTaken(checkedAddress{one.setting, resolved}, one.address)
	}
}

// checkTaken notes an address, unless another setting has it.
func (k *checker) checkTaken(a checkedAddress, given string) {
	c := k.daemon.config
	for _, other := range k.addresses {
		overlap := a.address.IP.Equal(other.address.IP) || a.address.IP.IsUnspecified() || other.address.IP.IsUnspecified()
		if a.address.Port != 0 && a.address.Port == other.address.Port && overlap {
			k.problems = append(k.problems, fmt.Sprintf("%s: %s is taken by %s already; choose another port", c.origin(a.setting), given, c.origin(other.setting)))
			return
		}
	}
	k.addresses = append(k.addresses, a)
}

// checkSocket looks at the place of the socket. One that is there may be that of the daemon that runs now.
func (k *checker) checkSocket() {
	c := k.daemon.config
	if c.socket == "" {
		return
	}
	_, err := judgePlace(c.socket)
	if _, gone := os.Stat(filepath.Dir(c.socket)); err == nil && errors.Is(gone, fs.ErrNotExist) {
		err = noDirectory(c.socket)
	}
	if err != nil {
		k.problems = append(k.problems, fmt.Sprintf("%s: %v", c.origin("socket"), err))
	}
}

// report says that nothing is wrong, in one line, and what may not be what was meant.
func (k *checker) report(stdout, stderr io.Writer) error {
	d := k.daemon
	for _, warning := range k.warnings() {
		fmt.Fprintf(stderr, "%s: warning: %s\n", d.options.name, warning)
	}
	summary := fmt.Sprintf("%s: the settings are good: tasks=%d plugins=%s", d.options.name, len(d.declared.tasks), strings.Join(d.enabled(), ","))
	for _, r := range d.security.reloaders {
		if !r.expires.IsZero() {
			summary += fmt.Sprintf(" %s_expires=%s", r.what, r.expires.UTC().Format(time.DateOnly))
		}
	}
	_, err := fmt.Fprintln(stdout, summary)
	return err
}

// warnings are those that the daemon would log at its start.
func (k *checker) warnings() []string {
	warnings := k.daemon.warnings()
	for _, a := range k.addresses {
		if text := k.daemon.exposure(a.address, a.setting); text != "" {
			warnings = append(warnings, a.address.String()+": "+text)
		}
	}
	return warnings
}
