// Package exec is the plugin that runs commands: the body of a task is a process.
//
// # Usage
//
//	{"command": ["date", "+%s"]}
//	{"command": ["/opt/app/worker", "--once"], "dir": "/var/lib/app", "env": {"TZ": "UTC"}, "stop_grace": "20s"}
//
// There is no shell unless the command is one: ["sh", "-c", "a && b"].
//
// # What may run
//
// Whoever may add tasks may run what the operator allows, with any arguments, as the user of the daemon. Nothing is allowed until Options.Allow
// says so. Its globs are compared with command[0] as written, before any lookup:
//
//   - a name without / is looked up in the PATH of the daemon, never in one that the task sets. "sh" allows the name and no path;
//   - a path must be absolute and free of detours such as "..". "/bin/sh" allows that path and not the name;
//   - symbolic links are followed: whoever can write into an allowed folder can allow anything;
//   - to allow sh, env, find, xargs, a package manager or a language is to allow everything.
//
// A command that is not allowed, a relative path or a variable that cannot be set is a violation when the task is added. Whether the file and
// the folder exist is found out at each attempt, and is a failure like any other: they may come later.
//
// # What the command finds
//
// The environment of the daemon without TASKVISOR_ variables, which may hold credentials; then what env sets; then TASKVISOR_TASK,
// TASKVISOR_UID and TASKVISOR_ATTEMPT. LD_ and DYLD_ variables cannot be set, since they load other code into an allowed command. Standard
// input is empty. The working directory is dir, or else that of the daemon.
//
// # How an attempt ends
//
//	exit code 0                            success
//	another exit code                      failure with that exit code; the reason ends with the last lines of stderr
//	death by a signal                      failure that names the signal, without an exit code
//	cannot be started                      failure that says why, without an exit code
//	canceled: 0, SIGTERM, 143, SIGKILL     canceled, as asked
//	canceled: another exit code or signal  failure, which tells more than that it was canceled
//
// A cancellation (removal, timeout, shutdown) sends SIGTERM to the process group and, stop_grace later, SIGKILL. Keep stop_grace below the grace of
// the supervisor, or the task is reported as stuck in between. Once the command itself has ended, for whatever reason, all that is left
// of its group gets SIGKILL.
//
// # Guarantees
//
//   - No process of the group outlives its attempt.
//   - On Linux the command dies with the daemon even when that is killed by SIGKILL. Its own children are not covered by that, and neither are
//     setuid programs.
//   - A process that leaves the group (setsid, daemonize) is beyond reach. It cannot hang the attempt, even if it keeps the output open.
//   - An attempt holds at most 8 KiB for each stream and 5 KiB of last lines, whatever is written. A longer line is cut and marked, a flood is read
//     as fast as it comes.
//
// # Costs
//
// Each running command occupies one thread and three goroutines of the daemon; Go gives up at 10,000 threads, so limit the number of concurrent
// attempts where there may be thousands. A daemon that is process 1 of a container adopts the orphans of dead groups: start it with an
// init (docker run --init) or share the process namespace of the pod.
//
// # Debugging
//
// Lines of output are logged at level debug, with the attributes stream and line, through supervisor.Logger.
package exec
