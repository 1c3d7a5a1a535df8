package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/taskvisor/taskvisor/client"
	"github.com/taskvisor/taskvisor/cmd/taskvisor/internal/top"
)

const topHelp = `Show the tasks on the whole screen, live: the state of each, its attempts, a graph of its restarts, the time until its next
attempt, and below them what happens.

NAME may be a glob; several names, or uids, select whatever matches one of them, -l selects by label. Another filter can be given
with / at any time.

Keys:
  ↑ ↓ j k PgUp PgDn Home End   select a task
  Enter                        inspect it: what "taskvisor get" says, live; Esc goes back
  d, Del                       stop it and remove it; a question that names it is asked first
  /                            filter: words that names have, as you type; globs, uids, and labels
                               (app=web, or -l SELECTOR) as "taskvisor ls" takes them
  s, S                         sort by trouble, name, restarts, next attempt or age
  p                            pause the events
  ?                            help: all keys, and what the columns mean
  q, Ctrl-C                    quit

A task is in trouble if it is stuck, or fails again and again; those come first. Each bar of RESTARTS is ten seconds, and
each step up means twice as many restarts; yellow ones followed failures.

A connection that breaks, and a server that is restarted, is waited for; the first line says so. Events that were lost are told
among the events. Colours are left out if NO_COLOR is set.

It needs a terminal. For scripts there are "taskvisor ls -o json" and "taskvisor watch -o json".`

const topExample = `  taskvisor top
  taskvisor top 'web/*'
  taskvisor top -l app=web,tier!=db
  taskvisor --server /run/taskvisord.sock top`

func topVerb(a *app) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "top [NAME|UID...]", Short: "Show tasks and events on the whole screen, live", Long: topHelp, Example: topExample,
		ValidArgsFunction: a.completeTasks(false, 0),
		RunE: a.run(func(ctx context.Context, c *client.Client, args []string) error {
			filter, err := s.events(args, nil)
			if err == nil {
				err = a.checkScreen()
			}
			if err != nil {
				return err
			}
			if s.isEmpty(args) {
				filter = nil
			}
			ctx, cancel := a.endless(ctx)
			defer cancel()
			return a.top(ctx, top.Config{Client: c, Filter: filter, FilterText: s.text(args)})
		}),
	}
	s.addTo(cmd.Flags())
	return cmd
}

// text says what is selected, as it was typed.
func (s *selection) text(args []string) string {
	text := strings.Join(args, " ")
	if s.labels != "" {
		text = strings.TrimSpace(text + " -l " + s.labels)
	}
	return text
}

// checkScreen refuses what is no terminal, and formats, which the screen does not have.
func (a *app) checkScreen() error {
	switch {
	case a.settings.output != formatTable:
		return usagef("-o %s is not for top, which draws a screen; use ls or watch", a.settings.output)
	case !a.process.Terminal.Is:
		return usagef("top draws on a terminal, and standard output is none; for a file or a pipe use %s ls, or %s watch", programName, programName)
	case a.style.dumb:
		return usagef("top needs a terminal that can move its cursor, and TERM=dumb says that this one cannot; use %s ls, or %s watch", programName, programName)
	case !isTerminal(a.process.Stdin):
		return usagef("top reads keys from a terminal, and standard input is none; without keys use %s ls, or %s watch", programName, programName)
	}
	return nil
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// errHungUp is what it ends with when the terminal goes away.
var errHungUp = errors.New("the terminal hung up")

// top shows the screen. A terminal that hangs up must not leave the program behind, and one that only says so gets its screen back.
func (a *app) top(ctx context.Context, c top.Config) error {
	hup, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer stop()
	c.Words, c.Server = screenWords{a, c.Client}, a.settings.server
	c.In, c.Out, c.Environ, c.Colour = a.process.Stdin, a.stdout, a.process.Environ, a.style.colour
	err := top.Run(hup, c)
	if hup.Err() != nil && ctx.Err() == nil {
		return errHungUp
	}
	return err
}
