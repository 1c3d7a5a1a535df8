package client_test

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/taskvisor/taskvisor/client"
	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// The server of these Examples is a fake in memory; a program would call client.Dial("127.0.0.1:7700").

// exec returns the request for a task that runs a command.
func exec(name string, command ...any) *taskvisorv1.AddTaskRequest {
	config, err := structpb.NewStruct(map[string]any{"command": command})
	if err != nil {
		panic(err)
	}
	return &taskvisorv1.AddTaskRequest{Task: &taskvisorv1.TaskSpec{Name: name, Plugin: "exec", Config: config}}
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

	task, err := c.Remove(ctx, &taskvisorv1.RemoveTaskRequest{Name: "tick"})
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

	for task, err := range c.List(ctx, &taskvisorv1.ListTasksRequest{PageSize: 2}) {
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
	final, err := c.Remove(ctx, &taskvisorv1.RemoveTaskRequest{Name: "tick"})
	if err != nil {
		panic(err)
	}

	for msg, err := range c.Watch(ctx, &taskvisorv1.WatchEventsRequest{Resume: cursor}) {
		if err != nil {
			panic(err)
		}
		for _, e := range msg.GetEvents() {
			fmt.Println(e.GetSequence(), e.GetTask(), e.GetKind())
		}
		if cursor = msg.GetCursor(); cursor.GetSequence() >= final.GetSequence() {
			break
		}
	}
	fmt.Println("another Watch would resume after", cursor.GetSequence())
	// Output:
	// 1 tick EVENT_KIND_TASK_ADD_REQUESTED
	// 2 tick EVENT_KIND_TASK_ADDED
	// 3 tick EVENT_KIND_TASK_STARTING
	// 4 tick EVENT_KIND_TASK_REMOVE_REQUESTED
	// 5 tick EVENT_KIND_TASK_STOPPED
	// 6 tick EVENT_KIND_TASK_REMOVED
	// another Watch would resume after 6
}

func ExampleReason() {
	ctx := context.Background()
	c, end := connect()
	defer end()

	for range 2 {
		_, err := c.Add(ctx, exec("tick", "date"))
		switch client.Reason(err) {
		case taskvisorv1.ErrorReason_ERROR_REASON_UNSPECIFIED:
			fmt.Println("added")
		case taskvisorv1.ErrorReason_ERROR_REASON_TASK_EXISTS:
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
		fmt.Printf("%s: %s\n", v.GetField(), v.GetDescription())
	}
	// Output:
	// task.name: has a space
	// task.timeout: -1s is negative
}
