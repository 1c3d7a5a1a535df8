package exec

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// guardVar marks commands and all that they start: environments are inherited. Its value lists the ids of guards, from the outside in, since a command
// may itself be a daemon with a guard.
const guardVar = reserved + "GUARD"

// Guard kills what commands have started once the daemon is gone, however it went: see Guardian processes in the documentation of this package. One
// guard may serve any number of plugins, and may be used by many goroutines at the same time. A nil guard does nothing.
//
//	idle ──first command──▶ watched ──Close──▶ idle
//	  ▲                        │ guardian ends without being asked to
//	  └──── it died young ─────┴──── else another takes over ────▶ watched
type Guard struct {
	id    string
	start func(id string) (*guardian, error)

	mu       sync.Mutex // guards what is below; held while a line is written to the guardian, never while something is logged
	guardian *guardian  // nil while there is none
	told     told       // what a guardian has to know
	silent   bool       // that there is no guardian has been reported already
}

// NewGuard returns a guard for Options.Guard. The program that calls it is also the program of the guardian process: call NewGuard first thing in
// main, since in a guardian it does not return. Nothing is started until there is a command to guard.
func NewGuard() *Guard {
	if id, ok := guardianID(); ok {
		guardianMain(id)
		os.Exit(0)
	}
	return &Guard{id: newGuardID(), start: startGuardian, told: newTold()}
}

// idBytes is the size of the id of a guard: nobody guesses it, and no two daemons share one.
const idBytes = 16

func newGuardID() string {
	id := make([]byte, idBytes)
	rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// validGuardID is strict because the guardian kills what has the id in its environment: everybody has "".
func validGuardID(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && len(raw) == idBytes
}

// Close kills what commands have left behind, those that still run included, and returns when the guardian has ended. It is for programs that
// go on without their commands; there is no need for it at the end of a program. A later command brings a new guardian.
func (g *Guard) Close() {
	if g == nil {
		return
	}
	g.mu.Lock()
	old := g.guardian
	g.guardian = nil
	g.mu.Unlock()
	if old != nil {
		old.pipe.Close()
		<-old.ended
	}
}

// needless reports that the kernel does the work: with process 1 of a namespace it kills all others in it.
func (g *Guard) needless() bool { return g == nil || os.Getpid() == 1 }

// mark returns the variable for the environment of a command, "" for none. outer is what the daemon itself has been marked with.
func (g *Guard) mark(outer string) string {
	switch {
	case g.needless():
		if outer == "" {
			return ""
		}
		return guardVar + "=" + outer
	case outer == "":
		return guardVar + "=" + g.id
	default:
		return guardVar + "=" + outer + "," + g.id
	}
}

// watch sees to it that there is a guardian. It is to be called before a command is started. That there is none keeps no command from running: it
// matters only if the daemon is killed.
func (g *Guard) watch(log *slog.Logger) {
	if g.needless() {
		return
	}
	g.mu.Lock()
	err := g.ensureLocked(log)
	news := err != nil && !g.silent
	g.silent = err != nil
	g.mu.Unlock()
	if news {
		log.Warn("no guardian process: what commands start may live on if the daemon is killed", "reason", err)
	}
}

// ensureLocked starts a guardian if there is none.
func (g *Guard) ensureLocked(log *slog.Logger) error {
	if g.guardian != nil {
		return nil
	}
	next, err := g.start(g.id)
	if err != nil {
		return err
	}
	g.adoptLocked(next)
	go g.await(next, log)
	return nil
}

// adoptLocked makes a guardian the one that is told, everything to begin with.
func (g *Guard) adoptLocked(next *guardian) {
	g.guardian = next
	next.tell(g.told.all())
}

// await waits for the end of a guardian, and puts another in its place unless it was asked to end.
func (g *Guard) await(old *guardian, log *slog.Logger) {
	reason := old.wait()
	g.mu.Lock()
	if g.guardian != old {
		g.mu.Unlock()
		return
	}
	g.guardian = nil
	var err error
	young := time.Since(old.born) < minLife
	if !young {
		err = g.ensureLocked(log)
	}
	g.mu.Unlock()
	switch {
	case young:
		log.Warn("the guardian process has died young; the next command starts another", "reason", reason)
	case err != nil:
		log.Warn("the guardian process is gone, and no other can be started; the next command tries again", "reason", reason, "error", err)
	default:
		log.Warn("the guardian process is gone; another has taken over", "reason", reason)
	}
}

// minLife is the age at which the death of a guardian is taken for a mishap: another is started at once. One that dies younger will do so again.
const minLife = time.Second

// expect tells the guardian of a command that is about to be started, by the pipes for its output. A command may run before the daemon knows its
// number, and even that may be too late for a daemon that is killed: see told.
func (g *Guard) expect(pipes []uint64) {
	g.tell(func(t *told) (news string) {
		for _, pipe := range pipes {
			news += t.note(pipeBegins, pipe)
		}
		return news
	})
}

// enter tells the guardian of the group of a command that was started, which is 0 for one that could not be.
func (g *Guard) enter(group int, pipes []uint64) {
	g.tell(func(t *told) (news string) {
		if group > 0 {
			news = t.note(groupBegins, uint64(group))
		}
		for _, pipe := range pipes {
			news += t.note(pipeEnds, pipe)
		}
		return news
	})
}

// leave tells the guardian that a group has ended. It is to be called before the leader of the group is reaped, as its number may belong to others
// from then on.
func (g *Guard) leave(group int) {
	g.tell(func(t *told) string { return t.note(groupEnds, uint64(group)) })
}

// tell passes on what change has noted.
func (g *Guard) tell(change func(*told) (news string)) {
	if g.needless() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	news := change(&g.told)
	if g.guardian != nil {
		g.guardian.tell(news)
	}
}

// marked reports whether an environment, as /proc has it, carries the mark of a guard.
func marked(environ, id string) bool {
	for variable := range strings.SplitSeq(environ, "\x00") {
		if ids, ok := strings.CutPrefix(variable, guardVar+"="); ok {
			return strings.Contains(ids, id)
		}
	}
	return false
}
