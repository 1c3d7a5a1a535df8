// Package client talks to a Taskvisor server: it adds, removes and lists tasks, waits for their outcome, watches what happens to them, and keeps a
// view of them that is always up to date.
//
// # Usage
//
// Dial gives a Client. Most of its methods are one call of the contract in package gen/taskvisor/v1, whose messages they take and return:
//
//	c, err := client.Dial("127.0.0.1:7700")
//	...
//	defer c.Close()
//	task, err := c.Add(ctx, &pb.AddTaskRequest{Task: spec})
//	final, err := c.Wait(ctx, client.ByUID(task.GetUid()))
//
// What comes in pages or as a stream is an iterator. This program watches for weeks, and tells when it missed something:
//
//	for u, err := range c.Watch(ctx, nil) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(u)
//	}
//
// Replay tells what has happened so far, and ends. Follow is for those who want to know how things are, rather than what happens: a dashboard, a
// controller. To miss nothing that follows
// from a call, take the Cursor before it and let Watch resume there; to resume after the program itself was restarted, keep Update.Cursor.
//
// # Guarantees
//
//   - Watch and Follow deliver events in the order in which they happened, none twice, and none is missing without a word: a gap, or a change
//     of the epoch.
//   - Watch, Follow and Wait survive whatever ends a stream, as the table below says; they resume strictly after what was delivered last, also from
//     heartbeats, so that a watch whose filter selects little does not fall behind. A connection that is half open is found out.
//   - Wait returns the right outcome or an error that says why there is none. It does not wait for what will not come.
//   - Calls that can be repeated without harm are, when the server is not there; see Retry. Add is one of them, for each has a request id.
//   - A loop that meets an error gets it as its last pair, with a zero value. Watch and Follow never end on their own without one, so a loop that is
//     over without an error was left by its body.
//   - Leaving a loop early ends the stream and frees what it holds, at once. No goroutine outlives it.
//   - Errors are gRPC statuses as the server sent them: package status reads their code; Reason, Violations, Metadata and the predicates, such as
//     IsNotFound, the rest. What the client finds out by itself reads the same way.
//   - Requests are not changed and not kept.
//
// # What ends a watch
//
// A stream ends, Watch goes on, unless another attempt would end the same way:
//
//	the stream ends with                                     Watch, Follow and Wait
//	UNAVAILABLE, SERVER_SHUTDOWN included; a status that     open another one, after a delay that doubles from
//	is missing; silence for 2.5 heartbeats                   200 ms to 10 s (ReconnectDelay), half of it chance,
//	RESOURCE_EXHAUSTED: STREAM_LIMIT, RATE_LIMIT,            until a message comes
//	PRINCIPAL_STREAM_LIMIT, or none
//	INTERNAL, UNKNOWN, ABORTED; CANCELED and
//	DEADLINE_EXCEEDED, if not by this side
//	OUT_OF_RANGE: CURSOR_EXPIRED                             tell it as a value, and go on at once
//	ctx is done                                              end with ctx.Err()
//	Close; INVALID_ARGUMENT, UNAUTHENTICATED,                end with that error
//	PERMISSION_DENIED, UNIMPLEMENTED, all else
//
// A server that is not there is waited for from the first attempt on: a program may start before its server. OnReconnect tells of each delay, and may
// cancel the context to put an end to it; OnConnect tells when a server is there. Wait asks once how things are before it waits, and ends with an error when nobody answers.
//
// # The view of Follow
//
// The view has the live tasks that the filter selects. It is exact, equal to what ListTasks says, whenever all that has happened has been
// delivered, with these reservations for the time until the next heartbeat, at which lists correct what they know better (ChangeRefreshed):
//
//   - start_time, next_attempt_time and last_error.time are those of the events, which may be later, by the time that one event has to wait for
//     another one that happens at once: as a rule microseconds.
//   - A task whose backoff is over, but which has no permit to run (--max-concurrent), is in TASK_STATE_BACKOFF rather than TASK_STATE_WAITING: no
//     event tells.
//   - failure_streak is counted by the rules of BackoffPolicy.reset_after, and may be off where the program of the server has changed the
//     default of that.
//   - With a filter of names, labels or uids, nobody tells that the server shuts down, and tasks are shown as they were until they end.
//
// All other fields are exact with the event that changes them. Those that never change, the spec among them, are fetched when a task
// begins, one list for all that a message tells of, before the change is told.
//
// # What callers owe
//
//   - A context with a deadline for calls that have to end. RemoveTask takes as long as the body does, up to the grace period.
//   - Close, for a Client that Dial made.
//   - Messages that Watch, Follow and View give out are shared: they must not be changed.
//   - Where a connection of one's own is given to New: a backoff of the connection, grpc.WithConnectParams, that is not much longer than that of
//     the watch, if the server is to be found soon after it is back.
//
// A Client may be used by any number of goroutines at once. So may an iterator; each loop makes calls of its own.
//
// # Memory
//
// A page of tasks or one message of a stream, 16 KiB unless a single event or task is larger, is held at a time. A stream that is read slowly is slowed
// down by flow control; the server then reports what it had to leave out as a gap. Follow holds the live tasks, twice while a snapshot comes.
//
// # Testing
//
// New takes any connection, so a server in the same process over google.golang.org/grpc/test/bufconn will do; it works in a bubble of
// testing/synctest, where delays and heartbeats cost no time.
package client
