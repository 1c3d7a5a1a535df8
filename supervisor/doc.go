// Package supervisor runs named tasks under restart, backoff, timeout and retry rules and records every change of their lives in an
// event log that any number of readers can follow.
//
// # Usage
//
// A task is a body, anything with Run(ctx) error, under the rules of a Spec. A fixed set of tasks is one call:
//
//	s, err := supervisor.New(supervisor.Config{})
//	...
//	err = s.Run(ctx,
//		supervisor.Restartable("migrate", migrate),
//		supervisor.Periodic("refresh", time.Minute, refresh),
//	)
//
// Tasks that come and go are added and removed one by one: Add, Get, List, Wait, Remove, and Shutdown at the end. Read follows what
// happens.
//
// # Guarantees
//
//   - Two attempts of one task never overlap, and a name stays taken until the body has returned.
//   - State is committed before the event that tells of it is published, so whoever reads an event and then asks sees at least that state.
//   - Events have sequences from 1 without holes, and times that never go back. Every reader gets them in that order.
//   - Every life begins with TaskAddRequested and TaskAdded and ends with TaskRemoved, once its body has returned and its name is free.
//     Nothing about a life follows its TaskRemoved.
//   - Once a cancellation was asked for, the outcome is OutcomeCanceled whatever the body returns, and no further attempt starts.
//   - A panic of a body, runtime.Goexit included, is a failure of the attempt, with the stack kept in LastError.
//   - Wait, Remove and Shutdown always answer: with the end, when the grace period is over, or when their context is.
//   - Events drive nothing: readers can be slow, or absent, without any effect on tasks.
//
// # What callers owe
//
//   - A body returns soon after its context is done. Go cannot kill a goroutine: a body that does not return is reported by GraceExceeded and
//     listed as StateStuck, and it keeps its name and its permit until it returns.
//   - A body that has nothing more to do when it was not canceled returns nil; context.Canceled of its own making ends the task as canceled.
//   - The values that Spec and Event share with the engine, their labels, are not changed.
//
// # Memory
//
// Everything has a bound: live tasks (Config.MaxTasks), finished ones (Config.RetainedTasks and RetainedAge), events
// (Config.EventBuffer), reasons (MaxReason). A live task costs one goroutine. A finished one keeps its Spec, body included, for as long
// as it is retained. A reader costs nothing while it is not waiting.
//
// # Debugging
//
// Snapshot.LastError has the error as the body returned it; for a panic that is a *PanicError with the stack. Logger(ctx) gives a body a
// logger that names its task and attempt.
//
// # Testing
//
// Time comes from package time alone, so tests run in virtual time inside a testing/synctest bubble. Config.Random makes jitter
// repeatable.
package supervisor
