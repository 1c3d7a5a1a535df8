package supervisor

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Bounds of a look at stacks. It stops the world for a time that grows with the number of goroutines.
const (
	maxStackGoroutines = 10_000  // with more of them, nobody looks
	maxStackDump       = 8 << 20 // bytes
	maxStackFrames     = 16      // of one body, the innermost ones
)

// lifeMark is a UID as runBody takes it: an array of two words is an argument that is passed on the stack, so that every dump of the
// goroutines shows it as it is. One in a register would be shown as whatever took its place since.
type lifeMark [2]uint64

func markOf(uid UID) lifeMark {
	return lifeMark{binary.BigEndian.Uint64(uid[:8]), binary.BigEndian.Uint64(uid[8:])}
}

func (m lifeMark) uid() (uid UID) {
	binary.BigEndian.PutUint64(uid[:8], m[0])
	binary.BigEndian.PutUint64(uid[8:], m[1])
	return uid
}

// runBody runs the body of an attempt. It is a frame of its own for the sake of its argument mark, by which a dump tells whose goroutine it is.
//
//go:noinline
func runBody(mark lifeMark, a *attempt) error {
	_ = mark
	return a.task.spec.Task.Run(a)
}

// bodyStacks returns where the bodies that run are, by life; nothing when there are too many goroutines to look at them all.
func bodyStacks() map[UID]string {
	if runtime.NumGoroutine() > maxStackGoroutines {
		return nil
	}
	for size := 64 << 10; ; size *= 2 {
		dump := make([]byte, size)
		n := runtime.Stack(dump, true)
		if n < size || size >= maxStackDump {
			return parseStacks(dump[:n])
		}
	}
}

// parseStacks finds the bodies in a dump of all goroutines, as runtime.Stack writes it: for each goroutine a header, then two lines for each
// frame, the innermost first, then an empty line.
func parseStacks(dump []byte) map[UID]string {
	stacks := map[UID]string{}
	for goroutine := range bytes.SplitSeq(dump, []byte("\n\n")) {
		lines := strings.Split(string(goroutine), "\n")
		var frames []string
		for i := 1; i+1 < len(lines); i += 2 {
			if mark, ok := parseMark(lines[i]); ok {
				stacks[mark.uid()] = strings.Join(frames, " < ")
				break
			}
			if len(frames) < maxStackFrames {
				frames = append(frames, parseFrame(lines[i], lines[i+1]))
			}
		}
	}
	return stacks
}

// parseMark reads the argument of runBody or runClose out of the first line of its frame.
func parseMark(line string) (mark lifeMark, ok bool) {
	_, args, ok := strings.Cut(line, "/supervisor.runBody({")
	if !ok {
		_, args, ok = strings.Cut(line, "/supervisor.runClose({")
	}
	if !ok {
		return mark, false
	}
	n, err := fmt.Sscanf(args, "0x%x, 0x%x}", &mark[0], &mark[1])
	return mark, n == 2 && err == nil
}

// parseFrame shortens the two lines of a frame: the function without the path of its package and without its arguments, the file without
// its directory, the line.
func parseFrame(function, place string) string {
	if end := strings.LastIndexByte(function, '('); end > 0 {
		function = function[:end]
	}
	place, _, _ = strings.Cut(strings.TrimSpace(place), " ")
	return fmt.Sprintf("%s (%s)", path.Base(function), path.Base(place))
}
