package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// Signal says what to send, and to whom.
type Signal struct {
	PIDFile string `json:"pid_file,omitempty" jsonschema:"file with the number of the process, an absolute path, read when the signal is sent"`
	Process string `json:"process,omitempty" jsonschema:"name of the process as in /proc/PID/comm: the first 15 bytes of the name of its program. With pid_file, what that process has to be called"`
	Signal  string `json:"signal,omitempty" jsonschema:"name of the signal"`
}

// maxComm is how many bytes of a name the kernel keeps.
const maxComm = 15

// SetDefaults implements plugin.Defaulter.
func (s *Signal) SetDefaults() { s.Signal = "HUP" }

// ExtendSchema implements plugin.SchemaExtender.
func (*Signal) ExtendSchema(s *jsonschema.Schema) {
	s.Properties["signal"].Enum = []any{"HUP", "INT", "QUIT", "TERM", "USR1", "USR2"}
}

func (s *Signal) check(v *plugin.Violations, path string) {
	v.Check(s.PIDFile != "" || s.Process != "", path, "it names no process; give pid_file, process, or both")
	v.Check(s.PIDFile == "" || filepath.IsAbs(s.PIDFile) && !strings.Contains(s.PIDFile, "\x00"), plugin.Key(path, "pid_file"),
		"%.64q is no absolute path; give one, beginning with /", s.PIDFile)
	v.Check(len(s.Process) <= maxComm, plugin.Key(path, "process"), "%.64q has more than %d bytes, and the kernel keeps no more of a name; give the first %d",
		s.Process, maxComm, maxComm)
}

// send sends the signal.
func (s *Signal) send(ctx context.Context) error {
	pids, err := s.targets()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := kill(pid, s.Signal); err != nil {
			return fmt.Errorf("cannot send SIG%s to process %d: %w", s.Signal, pid, err)
		}
		supervisor.Logger(ctx).InfoContext(ctx, "signal sent", "signal", s.Signal, "pid", pid)
	}
	return nil
}

// targets returns the processes that are meant: at least one.
func (s *Signal) targets() ([]int, error) {
	if s.PIDFile == "" {
		return named(s.Process)
	}
	pid, err := readPID(s.PIDFile)
	if err != nil {
		return nil, err
	}
	if s.Process == "" {
		return []int{pid}, nil
	}
	p, err := readProcess(pid)
	switch {
	case err != nil:
		return nil, fmt.Errorf("process %d of pid_file %q cannot be seen: %w", pid, s.PIDFile, err)
	case p.name != s.Process:
		return nil, fmt.Errorf("process %d of pid_file %q is not called %q, but %q; the file may be left over", pid, s.PIDFile, s.Process, p.name)
	}
	return []int{pid}, nil
}

// maxPIDFile is more than any number of a process with spaces around it has.
const maxPIDFile = 64

func readPID(path string) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("cannot read pid_file: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxPIDFile))
	if err != nil {
		return 0, fmt.Errorf("cannot read pid_file: %w", err)
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	pid, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 32)
	switch {
	case err != nil || pid <= 0: // what it says is not shown: it may be any file
		return 0, fmt.Errorf("pid_file %q does not begin with the number of a process", path)
	case int(pid) == os.Getpid():
		return 0, fmt.Errorf("pid_file %q has the number of this daemon, which no task may signal", path)
	}
	return int(pid), nil
}

// process is what /proc tells about one.
type process struct {
	name   string
	parent int
}

// readProcess reads /proc/PID/stat: "PID (NAME) STATE PARENT …"; see proc_pid_stat(5). The name may have spaces and parentheses.
func readProcess(pid int) (process, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return process{}, errors.New("/proc/PID/stat has no name")
	}
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 2 {
		return process{}, errors.New("/proc/PID/stat has no parent")
	}
	parent, err := strconv.Atoi(fields[1])
	return process{string(text[open+1 : end]), parent}, err
}

// named returns the processes of a name whose parents have another one: of a server and its workers, the server.
func named(name string) ([]int, error) {
	folders, err := fs.Glob(os.DirFS("/proc"), "[1-9]*")
	if err != nil {
		return nil, err
	}
	if len(folders) == 0 {
		return nil, errors.New("there is no /proc to look for a process by its name; give a pid_file")
	}
	found := map[int]process{}
	for _, folder := range folders {
		pid, err := strconv.Atoi(folder)
		if err != nil || pid == os.Getpid() {
			continue
		}
		if p, err := readProcess(pid); err == nil && p.name == name { // an error: it has ended since
			found[pid] = p
		}
	}
	var pids []int
	for pid, p := range found {
		if _, worker := found[p.parent]; !worker {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return nil, fmt.Errorf("no process is called %q", name)
	}
	return pids, nil
}
