package exec

import (
	"os"
	"sync"
)

// input is what a child reads from its standard input: a text, then the end.
type input struct {
	text   string
	read   *os.File // the end for the child; nil for standard input that is empty
	write  *os.File
	writer sync.WaitGroup
}

// newInput opens the pipe, if there is anything to read.
func newInput(text string) (*input, error) {
	in := &input{text: text}
	if text == "" {
		return in, nil
	}
	var err error
	in.read, in.write, err = os.Pipe()
	return in, err
}

// start writes the text. The child has its end of the pipe by now.
func (in *input) start() {
	if in.read == nil {
		return
	}
	in.read.Close()
	in.writer.Go(func() {
		_, _ = in.write.WriteString(in.text) // a child need not read all of it, or any
		in.write.Close()
	})
}

// closeAll returns when nothing is written any more, be the text read or not.
func (in *input) closeAll() {
	in.read.Close() // of a nil file too: that is an error, no panic
	in.write.Close()
	in.writer.Wait()
}
