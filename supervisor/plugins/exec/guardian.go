package exec

import (
	"fmt"
	"os"
	osexec "os/exec"
	"strconv"
	"time"
)

// guardianName is what a guardian is called in lists of processes. It is none that a `pkill -f taskvisord` would hit, and has the 15 characters that
// the kernel keeps.
const guardianName = "taskvisor-guard"

// guardianVar has the id of the guard in the environment of a guardian, which must not look like a command to other guardians.
const guardianVar = reserved + "GUARDIAN"

// guardian is a guardian process, as the daemon sees it.
type guardian struct {
	cmd   *osexec.Cmd
	born  time.Time
	pipe  *os.File      // what it reads, until the end that comes with the end of the daemon: nobody else has this end
	ended chan struct{} // closed when it has been reaped
}

// startGuardian runs this program once more. The guardian has nothing of the daemon but its end of the pipe: no folder, no output that a reader would
// wait for, no terminal, no variables.
func startGuardian(id string) (*guardian, error) {
	program, err := guardianProgram()
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	defer r.Close()
	g := &guardian{born: time.Now(), pipe: w, ended: make(chan struct{}), cmd: &osexec.Cmd{
		Path:        program,
		Args:        []string{guardianName, strconv.Itoa(os.Getpid())},
		Env:         guardianEnv(id),
		Dir:         "/",
		ExtraFiles:  []*os.File{r}, // guardianPipe
		SysProcAttr: sessionLeader(),
	}}
	if err := g.cmd.Start(); err != nil {
		w.Close()
		return nil, err
	}
	return g, nil
}

// guardianEnv returns the variables of a guardian.
func guardianEnv(id string) []string {
	env := []string{guardianVar + "=" + id, "GOMAXPROCS=1"}
	if dir, measured := os.LookupEnv("GOCOVERDIR"); measured { // of a program that was built with -cover
		env = append(env, "GOCOVERDIR="+dir)
	}
	return env
}

// wait returns why a guardian has ended.
func (g *guardian) wait() (reason string) {
	err := g.cmd.Wait()
	g.pipe.Close()
	close(g.ended)
	if err != nil {
		return err.Error()
	}
	return "it ended by itself"
}

// tellPatience is how long a guardian may let the pipe be full: thousands of lines.
const tellPatience = time.Second

// tell writes lines to the guardian. One that does not read is killed, so that another, which is told all from the beginning, takes its place.
func (g *guardian) tell(lines string) {
	if lines == "" {
		return
	}
	err := g.pipe.SetWriteDeadline(time.Now().Add(tellPatience))
	if err == nil {
		_, err = g.pipe.WriteString(lines)
	}
	if err != nil {
		_ = g.cmd.Process.Kill() // an error means that it is gone already
	}
}
