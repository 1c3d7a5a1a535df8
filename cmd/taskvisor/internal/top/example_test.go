package top_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/taskvisor/taskvisor/client"
	"github.com/taskvisor/taskvisor/cmd/taskvisor/internal/top"
)

// words are those of the command line; nothing is shown here that would ask for more of them.
type words struct{ top.Words }

func (words) Explain(_ context.Context, err error) string { return err.Error() }

// A program that has another way to say things gives its words. What a person types comes from In, here the key that quits.
func ExampleRun() {
	c, err := client.Dial("127.0.0.1:7700")
	if err != nil {
		panic(err)
	}
	defer c.Close()
	err = top.Run(context.Background(), top.Config{Client: c, Words: words{}, Server: "127.0.0.1:7700", In: strings.NewReader("q"), Out: io.Discard})
	fmt.Println("quit:", err)
	// Output:
	// quit: <nil>
}
