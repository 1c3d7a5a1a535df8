package exec

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// What the daemon tells its guardian: lines of one of these letters and a number.
const (
	groupBegins = '+'
	groupEnds   = '-'
	pipeBegins  = '?'
	pipeEnds    = '!'
)

// told is what a guardian knows of the commands that run.
//
// A command is told of before it starts, by the inodes of the pipes for its output, and once it has started by its process group in their place. In
// between, which is when the daemon may be killed, it may start processes that do not inherit the mark in its environment; they have inherited
// the pipes. Later that would be no reason to kill: a command may have passed its output on to somebody who is not its own.
type told struct {
	groups map[int]struct{}
	pipes  map[uint64]struct{}
}

func newTold() told { return told{map[int]struct{}{}, map[uint64]struct{}{}} }

// note notes a change and returns it as a line.
func (t *told) note(what byte, number uint64) (line string) {
	switch what {
	case groupBegins:
		t.groups[int(number)] = struct{}{}
	case groupEnds:
		delete(t.groups, int(number))
	case pipeBegins:
		t.pipes[number] = struct{}{}
	case pipeEnds:
		delete(t.pipes, number)
	}
	return fmt.Sprintf("%c%d\n", what, number)
}

// all returns the lines that tell everything.
func (t *told) all() string {
	var b strings.Builder
	for group := range t.groups {
		fmt.Fprintf(&b, "%c%d\n", groupBegins, group)
	}
	for pipe := range t.pipes {
		fmt.Fprintf(&b, "%c%d\n", pipeBegins, pipe)
	}
	return b.String()
}

// readTold returns what is known when the lines end. The last line of a daemon that was killed may be cut.
func readTold(lines io.Reader) told {
	t := newTold()
	for scan := bufio.NewScanner(lines); scan.Scan(); {
		line := scan.Text()
		if line == "" {
			continue
		}
		group := line[0] == groupBegins || line[0] == groupEnds
		bits := 64
		if group {
			bits = 31 // of a pid_t
		}
		number, err := strconv.ParseUint(line[1:], 10, bits)
		if err != nil || number == 0 || group && number == 1 { // kill(2) takes 0 and -1 for other processes than those of a group
			continue
		}
		t.note(line[0], number)
	}
	return t
}
