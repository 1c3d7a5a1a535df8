// Package reap does a duty of process 1: a process whose parent has died is given to it, or to the next subreaper above, and once it has ended it stays in
// the table of processes until its new parent asks how it went. In a container nobody else does, and the table has a limit.
//
// # The children of others
//
// wait(-1), which small inits use, would take the children that this process has started itself from those who wait for them: to package os/exec they would
// have ended without an exit code. So no process is asked about that somebody here still waits for. Those are the ones of which this process has
// a pidfd open: package os opens one in the very system call that starts a child, and closes it when the child has been reaped, or released.
//
// A child that was started past package os, by syscall.ForkExec, is not told from an orphan.
//
// # Races
//
// All looks at a process go through a pidfd, so that none is about another that was given its number meanwhile. A process is a zombie before
// the open pidfds are listed: by then its own has long been open, if there is one, and is closed only after it was reaped.
package reap
