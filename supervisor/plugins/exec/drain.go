package exec

import (
	"errors"
	"os"
	"time"
)

// pipeEnd is where the output of a command is read from. Its reads are those of one goroutine.
//
// What a group wrote is in the pipe when the group is gone, and is read however late that is; only for what others may add there is an end of
// patience. Time decides about waiting, never about what is there already: a machine that has no time to spare loses nothing.
//
//	waiting for more ──deadline of the file──▶ emptying: reads what is there, and waits for nothing
type pipeEnd struct {
	file     *os.File
	emptying bool
	left     int // bytes to read at most while emptying
}

// errHeldOpen is the end of a pipe that is empty, but may not stay so, as somebody has it open for writing.
var errHeldOpen = errors.New("somebody holds the pipe open for writing")

// pipeSize is how many bytes a pipe may hold: 64 KiB, unless a process asks for more, which on Linux is granted up to 1 MiB. Whoever fills the pipe
// as fast as it is emptied is not listened to for longer.
const pipeSize = 1 << 20

// Read implements io.Reader. It returns errHeldOpen, once the deadline of the file has passed, when there is nothing to read.
func (p *pipeEnd) Read(b []byte) (int, error) {
	if !p.emptying {
		n, err := p.file.Read(b)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := p.file.SetReadDeadline(time.Time{}); err != nil { // or it would keep the file from being read at all
			return 0, err
		}
		p.emptying, p.left = true, pipeSize
	}
	if p.left == 0 {
		return 0, errHeldOpen
	}
	n, err := readNow(p.file, b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}
