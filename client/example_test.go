package client_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// The server of these Examples is a fake in memory; a program would call client.Dial("127.0.0.1:7700").

// exec returns the request for a task that runs a command.
func exec(name string, command ...any) *pb.AddTaskRequest {
	config, err := structpb.NewStruct(map[string]any{"command": command})
	if err != nil {
		panic(err)
	}
	return &pb.AddTaskRequest{Task: &pb.TaskSpec{Name: name, Plugin: "exec", Config: config}}
}

func ExampleClient_Add() {
	ctx := context.Background()
	c, end := connect()
	defer end()

	task, err := c.Add(ctx, exec("tick", "date"))
	if err != nil {
		panic(err)
	}
	fmt.Println(task.GetName(), task.GetUid(), task.GetState())
	// Output: tick uid-1 TASK_STATE_RUNNING
}

func ExampleClient_Remove() {
	ctx := context.Background()
	c, end := connect()
	defer end()
	if _, err := c.Add(ctx, exec("tick", "date")); err != nil {
		panic(err)
	}

	task, err := c.Remove(ctx, &pb.RemoveTaskRequest{Name: "tick"})
	if err != nil {
		panic(err)
	}
	fmt.Println(task.GetState(), task.GetOutcome())
	// Output: TASK_STATE_FINISHED OUTCOME_CANCELED
}

func ExampleClient_List() {
	ctx := context.Background()
	c, end := connect()
	defer end()
	for _, name := range []string{"web", "db", "cache"} {
		if _, err := c.Add(ctx, exec(name, "sleep", "60")); err != nil {
			panic(err)
		}
	}

	for task, err := range c.List(ctx, &pb.ListTasksRequest{PageSize: 2}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(task.GetName(), task.GetState())
	}
	// Output:
	// cache TASK_STATE_RUNNING
	// db TASK_STATE_RUNNING
	// web TASK_STATE_RUNNING
}

func ExampleClient_Plugins() {
	c, end := connect()
	defer end()

	for plugin, err := range c.Plugins(context.Background()) {
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %s enabled: %t\n", plugin.GetName(), plugin.GetDescription(), plugin.GetEnabled())
	}
	// Output:
	// exec: Runs a command. enabled: false
	// sleep: Waits. enabled: true
}

// A cursor that was taken before a call is where the events of that call begin, so the stream may be opened after it.
func ExampleClient_Watch() {
	ctx := context.Background()
	c, end := connect()
	defer end()

	cursor, err := c.Cursor(ctx)
	if err != nil {
		panic(err)
	}
	if _, err := c.Add(ctx, exec("tick", "date")); err != nil {
		panic(err)
	}
	final, err := c.Remove(ctx, &pb.RemoveTaskRequest{Name: "tick"})
	if err != nil {
		panic(err)
	}

	for u, err := range c.Watch(ctx, &pb.WatchEventsRequest{Resume: cursor}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(u)
		if cursor = u.Cursor(); cursor.GetSequence() >= final.GetSequence() {
			break
		}
	}
	fmt.Println("another Watch would resume after", cursor.GetSequence())
	// Output:
	// 1 tick TASK_ADD_REQUESTED
	// 2 tick TASK_ADDED
	// 3 tick TASK_STARTING
	// 4 tick TASK_REMOVE_REQUESTED
	// 5 tick TASK_STOPPED
	// 6 tick TASK_REMOVED CANCELED
	// another Watch would resume after 6
}

// A replay tells what has happened so far, and where to go on.
func ExampleClient_Replay() {
	ctx := context.Background()
	c, end := connect()
	defer end()
	if _, err := c.Add(ctx, exec("tick", "date")); err != nil {
		panic(err)
	}

	for u, err := range c.Replay(ctx, nil) {
		if err != nil {
			panic(err)
		}
		fmt.Println(u)
	}
	// Output:
	// 1 tick TASK_ADD_REQUESTED
	// 2 tick TASK_ADDED
	// 3 tick TASK_STARTING
	// at 3
}

func ExampleClient_ServerVersion() {
	c, end := connect()
	defer end()

	version, err := c.ServerVersion(context.Background())
	if err != nil {
		panic(err)
	}
	fmt.Println(version)
	// Output: v1.4.0
}

// This loop is good for weeks: it ends when its context is done, or when the server refuses it.
func ExampleClient_Watch_forWeeks() {
	c, end := connect()
	defer end()
	watch := func(ctx context.Context) error {
		for u, err := range c.Watch(ctx, nil) {
			if err != nil {
				return err
			}
			fmt.Println(u) // what happened, or what was missed
		}
		return nil
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	fmt.Println(watch(ctx))
	// Output: context canceled
}

// Whatever comes between here and the server, the loop goes on, and tells what it missed.
func ExampleClient_Watch_afterALoss() {
	ctx := context.Background()
	c, end := connect()
	defer end()
	if _, err := c.Add(ctx, exec("tick", "date")); err != nil {
		panic(err)
	}

	for u, err := range c.Watch(ctx, &pb.WatchEventsRequest{Resume: &pb.Cursor{Epoch: "before", Sequence: 7}}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(u)
		if u.Event.GetKind() == pb.EventKind_EVENT_KIND_TASK_STARTING {
			break
		}
	}
	// Output:
	// the server was started anew; what it did after event 7 is lost
	// 1 tick TASK_ADD_REQUESTED
	// 2 tick TASK_ADDED
	// 3 tick TASK_STARTING
}

// The options of a watch say how it goes on after a loss, and who is told of what is in its way.
func ExampleSnapshotOnLoss() {
	ctx := context.Background()
	c, end := connect()
	defer end()
	if _, err := c.Add(ctx, exec("tick", "date")); err != nil {
		panic(err)
	}

	old := &pb.WatchEventsRequest{Resume: &pb.Cursor{Epoch: "before", Sequence: 7}}
	for u, err := range c.Watch(ctx, old, client.SnapshotOnLoss(), client.OnReconnect(func(r client.Reconnect) {
		fmt.Fprintf(os.Stderr, "%v; next attempt in %s\n", r.Err, r.Delay)
	})) {
		if err != nil {
			panic(err)
		}
		fmt.Println(u.Kind == client.UpdateTask, u)
		if u.Kind == client.UpdateSynced {
			break
		}
	}
	// Output:
	// false the server was started anew; what it did after event 7 is lost
	// false snapshot
	// true tick is RUNNING
	// false snapshot complete
}

func ExampleClient_Follow() {
	ctx := context.Background()
	c, end := connect()
	defer end()
	if _, err := c.Add(ctx, exec("tick", "date")); err != nil {
		panic(err)
	}

	for change, err := range c.Follow(ctx, nil) {
		if err != nil {
			panic(err)
		}
		for _, task := range change.View.Tasks() { // a dashboard would draw this
			fmt.Println(task.GetName(), task.GetState())
		}
		switch {
		case change.Kind == client.ChangeSynced:
			if _, err := c.Remove(ctx, &pb.RemoveTaskRequest{Name: "tick"}); err != nil {
				panic(err)
			}
		case change.View.Len() == 0:
			fmt.Println(change.After.GetName(), "has ended:", change.After.GetOutcome())
			return
		}
	}
	// Output:
	// tick TASK_STATE_RUNNING
	// tick TASK_STATE_STOPPING
	// tick TASK_STATE_STOPPING
	// tick has ended: OUTCOME_CANCELED
}

// Wait is sure to find out how a task ended, also if that was before it was asked.
func ExampleClient_Wait() {
	ctx := context.Background()
	c, end := connect()
	defer end()
	task, err := c.Add(ctx, exec("tick", "date"))
	if err != nil {
		panic(err)
	}
	if _, err := c.Remove(ctx, &pb.RemoveTaskRequest{Name: "tick"}); err != nil {
		panic(err)
	}

	final, err := c.Wait(ctx, client.ByUID(task.GetUid()))
	switch {
	case client.IsNotFound(err):
		fmt.Println("no such task, or none any more")
	case client.IsStuck(err):
		fmt.Println("it ignores that it was told to stop")
	case client.IsLost(err):
		fmt.Println("it ended while nobody looked")
	case err != nil:
		panic(err)
	default:
		fmt.Println(final.GetName(), final.GetOutcome())
	}
	// Output: tick OUTCOME_CANCELED
}

func ExampleClient_Get() {
	ctx := context.Background()
	c, end := connect()
	defer end()
	if _, err := c.Add(ctx, exec("tick", "date")); err != nil {
		panic(err)
	}

	task, err := c.Get(ctx, client.ByName("tick"))
	if err != nil {
		panic(err)
	}
	fmt.Println(task.GetUid(), task.GetState())
	_, err = c.Get(ctx, client.ByName("tack"))
	fmt.Println(client.IsNotFound(err), client.Metadata(err)["name"])
	// Output:
	// uid-1 TASK_STATE_RUNNING
	// true tack
}

// Dial connects to servers of all kinds; what is wrong with a target it says at once.
func ExampleDial() {
	c, err := client.Dial("tasks.example.com:7700",
		client.WithTLS(client.TLS{}), // checked by what the system trusts
		client.WithToken("kept-in-a-file-as-a-rule"),
		client.WithUserAgent("deployer/1.2"),
	)
	if err != nil {
		panic(err)
	}
	defer c.Close()

	_, err = client.Dial("tasks.example.com")
	fmt.Println(err)
	_, err = client.Dial("tasks.example.com:7700", client.WithToken("secret"))
	fmt.Println(errors.Is(err, client.ErrTokenInPlainText))
	fmt.Println(err)
	// Output:
	// dial taskvisor: target "tasks.example.com": the port is missing; give host:port, unix:///path/to/socket or the path of a socket
	// true
	// dial taskvisor at "tasks.example.com:7700": a token would be sent in plain text to another machine; encrypt the connection with WithTLS, or use a unix socket or a loopback address
}

func ExampleIsExists() {
	ctx := context.Background()
	c, end := connect()
	defer end()

	for range 2 {
		if _, err := c.Add(ctx, exec("tick", "date")); client.IsExists(err) {
			fmt.Println("there already, with uid", client.Metadata(err)["uid"])
		} else if err != nil {
			panic(err)
		}
	}
	// Output: there already, with uid uid-1
}

func ExampleReason() {
	ctx := context.Background()
	c, end := connect()
	defer end()

	for range 2 {
		_, err := c.Add(ctx, exec("tick", "date"))
		switch client.Reason(err) {
		case pb.ErrorReason_ERROR_REASON_UNSPECIFIED:
			fmt.Println("added")
		case pb.ErrorReason_ERROR_REASON_TASK_EXISTS:
			fmt.Println("there already, with uid", client.Metadata(err)["uid"])
		default:
			panic(err)
		}
	}
	// Output:
	// added
	// there already, with uid uid-1
}

func ExampleViolations() {
	c, end := connect()
	defer end()

	req := exec("bad name", "date")
	req.Task.Timeout = &durationpb.Duration{Seconds: -1}
	_, err := c.Add(context.Background(), req)
	for _, v := range client.Violations(err) {
		fmt.Printf("%s: %s\n", v.Field, v.Description)
	}
	// Output:
	// task.name: has a space
	// task.timeout: -1s is negative
}
