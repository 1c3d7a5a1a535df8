package eventlog_test

import (
	"context"
	"fmt"

	"github.com/taskvisor/taskvisor/supervisor/internal/eventlog"
)

type event struct {
	sequence uint64
	what     string
}

func newLog(capacity int) *eventlog.Log[event] {
	return eventlog.New(capacity, func(e *event, sequence uint64) { e.sequence = sequence })
}

func Example() {
	log := newLog(4)
	for _, what := range []string{"added", "starting", "failed", "starting", "stopped", "removed"} {
		log.Append(&event{what: what})
	}
	log.Close()

	reader, buf := log.NewReader(0), make([]event, 3)
	for {
		n, gap, err := reader.Next(context.Background(), buf)
		if err != nil {
			fmt.Println(err)
			return
		}
		if !gap.IsZero() {
			fmt.Printf("lost %d: %d to %d\n", gap.Count(), gap.First, gap.Last)
		}
		for _, e := range buf[:n] {
			fmt.Println(e.sequence, e.what)
		}
	}
	// Output:
	// lost 2: 1 to 2
	// 3 failed
	// 4 starting
	// 5 stopped
	// 6 removed
	// eventlog: closed
}

func ExampleLog_AppendAll() {
	log := newLog(8)
	last := log.AppendAll(event{what: "stopped"}, event{what: "exhausted"}, event{what: "removed"})
	fmt.Println(last, log.Oldest(), log.Last())
	// Output: 3 1 3
}

func ExampleLog_NewReader() {
	log := newLog(8)
	log.AppendAll(event{}, event{}, event{})
	fmt.Println("all that is kept:", log.NewReader(0).Cursor())
	fmt.Println("from where another stopped:", log.NewReader(2).Cursor())
	fmt.Println("only what is to come:", log.NewReader(log.Last()).Cursor())
	fmt.Println("after a sequence of some other log:", log.NewReader(500).Cursor())
	// Output:
	// all that is kept: 0
	// from where another stopped: 2
	// only what is to come: 3
	// after a sequence of some other log: 3
}

func ExampleReader_Ready() {
	log := newLog(8)
	reader, buf := log.NewReader(0), make([]event, 8)
	hangUp := make(chan struct{})
	log.Append(&event{what: "added"})
	for {
		select {
		case <-reader.Ready():
			n, _ := reader.TryNext(buf)
			fmt.Println(buf[0].what, n)
			close(hangUp)
		case <-hangUp:
			reader.Close()
			fmt.Println("hung up")
			return
		}
	}
	// Output:
	// added 1
	// hung up
}
