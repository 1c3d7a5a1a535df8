package top

import (
	"context"
	"errors"
	"io"

	tea "charm.land/bubbletea/v2"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Config says what is shown, and where.
type Config struct {
	Client *client.Client
	Words  Words
	// Server is what a person calls it.
	Server string
	// Filter selects the tasks that are shown at first, nil for all; FilterText says it in words.
	Filter     *pb.EventFilter
	FilterText string

	// In and Out are the terminal.
	In  io.Reader
	Out io.Writer
	// Environ has TERM and what else says what the terminal can do, as os.Environ gives it.
	Environ []string
	// Colour says that there may be colours.
	Colour bool
}

// framesPerSecond is how often the screen is looked at for what has been drawn anew. Keys are answered within that time.
const framesPerSecond = 30

// Run shows the tasks until the person quits, ctx is done, or the server refuses to be followed. It gives the terminal back as it was, also
// after a fault. It returns ctx.Err() if that was the end.
func Run(ctx context.Context, c Config) error { return run(ctx, c) }

// run is Run with more options for Bubble Tea.
func run(ctx context.Context, c Config, more ...tea.ProgramOption) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &remote{ctx: inner, config: c, feed: newFeed()}
	defer s.close()
	m := newModel(s, c)
	p := tea.NewProgram(m, append(more, tea.WithInput(c.In), tea.WithOutput(c.Out), tea.WithEnvironment(c.Environ),
		tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler())...)
	defer context.AfterFunc(ctx, p.Quit)()
	_, err := p.Run()
	cancel()
	switch {
	case m.err != nil:
		return m.err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, tea.ErrProgramPanic):
		return errors.New("this is a fault of this program; what happened is above")
	}
	return err
}
