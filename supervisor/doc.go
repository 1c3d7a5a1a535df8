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
// Tasks that come and go are added and removed one by one: Start or Add, then Get, List, Wait, Remove, and Shutdown at the end. Replace
// puts a task in the place of another one of the same name.
//
// Scheduled tasks run at the times of a Schedule, which package cron makes of a cron expression. RestartPolicy.Schedule says what becomes of times
// that are missed, and of runs that fail.
//
// Read follows what happens at a pace of the caller's own; Subscribe has each event handed to a Subscriber, such as an AliveTracker or a
// LogSubscriber.
//
// At most one task owns a slot at a time: Spec.Admission says which slot a task needs to run, and whether it queues for it, takes the
// place of the owner, or is refused. PurgeSlot empties a queue.
//
// WithPrincipal puts on record on whose behalf tasks are added and removed.
//
// A body learns from its context who it is, Attempt, and has a Logger and an Output there. It says by Heartbeat that it does not hang, where
// Spec.HeartbeatTimeout asks for that, and by Progress how far it is. What it keeps open from one attempt to the next it closes as a Closer.
//
// # Guarantees
//
//   - Two attempts of one task never overlap, and a name stays taken until the body has returned. So does a slot.
//   - State is committed before the event that tells of it is published, so whoever reads an event and then asks sees at least that state.
//   - Events have sequences from 1 without holes, and times that never go back. Every reader gets them in that order.
//   - Every life begins with TaskAddRequested, has TaskAdded before its first TaskStarting, and ends with TaskRemoved, once its body has
//     returned, is closed, and its name is free. Nothing about a life follows its TaskRemoved.
//   - A batch, of Run or Start, is registered as a whole or not at all.
//   - Nobody gets a name in between the task that has it and the one that is to Replace it.
//   - What waits for a slot, or for a name, when the supervisor shuts down is rejected, never started.
//   - Once a cancellation was asked for, the outcome is OutcomeCanceled whatever the body returns, and no further attempt starts.
//   - A panic of a body, runtime.Goexit included, is a failure of the attempt, with the stack kept in LastError.
//   - A body that is a Closer is closed once, when its last attempt has returned and before its name, its slot and its permit are free.
//   - Wait, Remove and Shutdown always answer: with the end, when the grace period is over, or when their context is.
//   - A task runs at no other times than those of its Schedule, by the clock on the wall, but for the retries of a run: not before its time, and
//     within a minute after it when that clock is put forward or the machine sleeps. A clock that is put back by up to 3 hours repeats no run.
//   - Events drive nothing: readers and subscribers can be slow, or absent, without any effect on tasks or on each other.
//   - Nothing is lost silently: a Reader gets a Gap, a Subscriber that falls behind causes SubscriberOverflow, dropped output is counted.
//
// # What callers owe
//
//   - A body returns soon after its context is done, and so does its Close. Go cannot kill a goroutine: a body that does not return is reported by GraceExceeded and
//     listed as StateStuck, and it keeps its name, its slot and its permit until it returns.
//   - A body that has nothing more to do when it was not canceled returns nil; context.Canceled of its own making ends the task as canceled.
//   - The values that Spec and Event share with the engine, their labels, are not changed.
//
// # Memory
//
// Everything has a bound: live tasks (Config.MaxTasks), those that wait for a slot (Config.SlotQueue) or to Replace a live one (one for
// each), finished ones (Config.RetainedTasks and RetainedAge), events (Config.EventBuffer), reasons (MaxReason), principals
// (MaxPrincipal), progress (MaxProgress), output (MaxLine, Config.OutputRate). A live task costs one goroutine, one that
// waits for its slot none. A finished one keeps its Spec, body included, for as long as it is retained. A reader costs nothing while it is
// not waiting, a subscriber one goroutine.
//
// # Debugging
//
// Snapshot.LastError has the error as the body returned it; for a panic that is a *PanicError with the stack. Logger(ctx) gives a body a
// logger that names its task and attempt. GraceExceeded says in which function a stuck body is. In any dump of goroutines, the two words that
// runBody takes are the uid of the task.
//
// # Testing
//
// Time comes from package time alone, so tests run in virtual time inside a testing/synctest bubble. Config.Random makes jitter
// repeatable.
package supervisor
