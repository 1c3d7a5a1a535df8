// Package client talks to a Taskvisor server: it adds, removes and lists tasks, streams their events and describes the plugins.
//
// # Usage
//
// Dial gives a Client, and each of its methods is one call of the contract in package taskvisorv1, whose messages it takes and returns:
//
//	c, err := client.Dial("127.0.0.1:7700")
//	...
//	defer c.Close()
//	task, err := c.Add(ctx, &taskvisorv1.AddTaskRequest{Task: spec})
//
// What comes in pages or as a stream is an iterator:
//
//	for task, err := range c.List(ctx, nil) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(task.GetName(), task.GetState())
//	}
//
// To miss nothing that follows from a call, take the Cursor before it and let Watch resume there.
//
// # Guarantees
//
//   - Errors are gRPC statuses as the server sent them: package status reads their code, Reason, Violations and Metadata the rest.
//   - A loop over List, Plugins or Watch that meets an error gets it as its last pair, with a nil value.
//   - Watch never ends on its own without an error, so a loop that is over without one was left by its body.
//   - Leaving a loop early ends the stream and frees what it holds, at once.
//   - Requests are not changed and not kept.
//
// # What callers owe
//
//   - A context with a deadline for calls that have to end. RemoveTask takes as long as the body does, up to the grace period.
//   - Close, for a Client that Dial made.
//
// A Client may be used by any number of goroutines at once. So may an iterator; each loop makes calls of its own.
//
// # Memory
//
// A page of tasks or one message of a stream is held at a time. A stream that is read slowly is slowed down by flow control; the server
// then reports what it had to leave out as a Gap.
//
// # Testing
//
// New takes any connection, so a server in the same process over google.golang.org/grpc/test/bufconn will do.
package client
