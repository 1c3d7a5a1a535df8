package cli

import (
	"strconv"
	"strings"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// style says how text looks: how wide it may be, and whether it has colours.
type style struct {
	width  int // of a line, in characters; 0: as long as it is
	colour bool
	dumb   bool // the terminal has nothing but lines
}

// maxWidth is a width that no terminal has.
const maxWidth = 10_000

// newStyle follows what terminals and people ask for: COLUMNS says how wide lines are, NO_COLOR (no-color.org), if not empty, that there are no
// colours.
func newStyle(p Process) style {
	env := map[string]string{}
	for _, variable := range p.Environ {
		name, value, _ := strings.Cut(variable, "=")
		env[name] = value
	}
	s := style{width: p.Terminal.Width, dumb: env["TERM"] == "dumb"}
	s.colour = p.Terminal.Is && env["NO_COLOR"] == "" && !s.dumb
	if n, err := strconv.Atoi(env["COLUMNS"]); err == nil && n > 0 && n < maxWidth {
		s.width = n
	}
	return s
}

// tint is a colour, as terminals number them. (ECMA-48, section 8.3.117.)
type tint string

const (
	plain  tint = ""
	bold   tint = "1"
	dim    tint = "2"
	red    tint = "31"
	green  tint = "32"
	yellow tint = "33"
	cyan   tint = "36"
)

func (s style) paint(t tint, text string) string {
	if !s.colour || t == plain || text == "" {
		return text
	}
	return "\x1b[" + string(t) + "m" + text + "\x1b[0m"
}

// tintOf returns the colour for the state of a task: red needs somebody to look, yellow may, green is well.
func tintOf(t *pb.Task) tint {
	switch t.GetState() {
	case pb.TaskState_TASK_STATE_RUNNING:
		return green
	case pb.TaskState_TASK_STATE_BACKOFF:
		if t.GetFailureStreak() == 0 {
			return green // between two runs
		}
		return yellow
	case pb.TaskState_TASK_STATE_QUEUED, pb.TaskState_TASK_STATE_WAITING, pb.TaskState_TASK_STATE_STOPPING:
		return yellow
	case pb.TaskState_TASK_STATE_STUCK:
		return red
	case pb.TaskState_TASK_STATE_FINISHED:
		return tintOfOutcome(t.GetOutcome())
	case pb.TaskState_TASK_STATE_UNSPECIFIED:
	}
	return plain
}

func tintOfOutcome(o pb.Outcome) tint {
	switch o {
	case pb.Outcome_OUTCOME_COMPLETED, pb.Outcome_OUTCOME_CANCELED:
		return dim
	case pb.Outcome_OUTCOME_FAILED, pb.Outcome_OUTCOME_FATAL, pb.Outcome_OUTCOME_REJECTED, pb.Outcome_OUTCOME_ABANDONED:
		return red
	case pb.Outcome_OUTCOME_UNSPECIFIED:
	}
	return plain
}
