// Package exec is the plugin that runs commands: the body of a task is a process.
//
// # Usage
//
//	{"command": ["date", "+%s"]}
//	{"command": ["/opt/app/worker", "--once"], "dir": "/var/lib/app", "env": {"TZ": "UTC"}, "stop_grace": "20s"}
//	{"command": ["psql", "-f", "-"], "stdin": "VACUUM;\n", "user": "postgres", "inherit_env": false}
//
// There is no shell unless the command is one: ["sh", "-c", "a && b"].
//
// # What may run
//
// Whoever may add tasks may run what the operator allows, with any arguments, as the user of the daemon or as one that the operator allows. Nothing is allowed until Options.Allow
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
// # As whom it runs
//
// As the user of the daemon, unless user names one of Options.Users. These are compared with user as written, as commands are: "www" allows the name and
// not its number, and no other group than its own. Without a group the command has all groups of that user; with one, it has that group and no
// other. Numbers need no entry in /etc/passwd if both are given. The user is looked up at each attempt, like the command.
//
// The daemon has to be root, or on Linux to have CAP_SETUID and CAP_SETGID to become another user and CAP_KILL to stop what runs as one. Where it cannot,
// user is a violation. Mind that the command is looked up, and dir entered, as it is allowed to each: the daemon looks the command up, the
// user has to be able to execute it and to enter dir.
//
// # What the command finds
//
// Its environment, where a later line beats an earlier one:
//
//	inherited             all variables of the daemon but TASKVISOR_…, which may hold credentials; with "inherit_env": false only PATH
//	HOME, USER, LOGNAME   as another user: those of that user; HOME=/ alone for a number without a name. Else inherited
//	PWD                   dir, if that is given
//	env                   as given; LD_… and DYLD_…, which load other code into an allowed command, and TASKVISOR_… are refused
//	TASKVISOR_TASK, TASKVISOR_UID, TASKVISOR_ATTEMPT
//	                      name of the task, uid of its life, number of the attempt
//	TASKVISOR_GUARD       where there is a guard
//
// Standard input is the text of stdin and then the end; without one it is /dev/null. A command need not read it. The working directory is dir, or else
// that of the daemon.
//
// # What becomes of its output
//
// Each line of standard output and of standard error is a TaskOutput event if the task has CaptureOutput, and is logged at level debug. The
// last lines of standard error are part of the reason of a failure. Each line is also a heartbeat: with a HeartbeatTimeout, a command that is silent
// for that long has failed, and is stopped.
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
//   - With a guard, no process that a command has started outlives the daemon, be that by a clean exit, a second signal, a crash or SIGKILL. See
//     Guardian processes for what that covers.
//   - Without one, the command itself dies with the daemon on Linux, unless it is a setuid program; what it has started does not.
//   - A process that leaves the group (setsid, daemonize) may outlive the attempt. It cannot hang the attempt, even if it keeps the output
//     open: a second after the end of the command the output is closed, a warning is logged, and SIGPIPE meets whoever goes on writing.
//   - All that the processes of the group have written is read, however busy the machine is.
//   - An attempt holds at most 4 KiB for each stream and 5 KiB of last lines, whatever is written. A longer line is cut and marked, a flood is read
//     as fast as it comes.
//
// # Guardian processes
//
// A process that is killed cannot clean up, so somebody else has to do it. A Guard runs the program once more, as a guardian process, when the first
// command is started. It waits at the end of a pipe whose other end only the daemon has, and which therefore ends with the daemon, however
// that goes. Then it kills with SIGKILL
//
//   - the process groups of the commands that were running, of which the daemon tells it through the pipe. One system call for each group, which
//     not even a process escapes that forks all the time. This is all there is on systems other than Linux.
//   - every process that has the id of the guard in the TASKVISOR_GUARD variable of its environment, by /proc/PID/environ, again and again
//     until there is none. Environments are inherited, so this finds what has left group, session and parents. A pidfd sees to it that no
//     signal reaches another process that was given the number meanwhile.
//   - if the daemon was killed in the moment of a start, when the command may run already and its group cannot be told of yet: every process
//     that has the pipes for the output of that command open.
//
// Either would not do alone: a group loses those who leave it, and a variable those who start others without it or write their title over it. Out of
// reach are processes that do both, setuid programs and those that have made themselves unreadable (prctl(2), PR_SET_DUMPABLE), unless the
// daemon runs as root. Who wants a process to live on says so: env -u TASKVISOR_GUARD setsid program.
//
// Why not otherwise: a parent-death signal reaches children only, and is used for these as it needs nobody to be awake. Control groups and
// process namespaces would be exact, but need privileges that a daemon in a container does not have. A subreaper sees even those who leave,
// but would have to be the parent of the daemon or of each command, a process more each, and everything escapes when it is killed itself;
// a guardian that is killed is replaced, with a warning in the log, while nothing happens to the commands.
//
// The guardian has nothing of the daemon but the pipe: no socket, no output that a reader would wait for, no folder, no variables, no terminal.
// It is called taskvisor-guard in lists of processes, followed by the number of the daemon. It ignores SIGHUP, SIGINT, SIGQUIT and SIGTERM, since
// those who stop a service send these to all of its processes, and ends a moment after the daemon, within a minute at the latest. A daemon that
// is process 1 of its container has none, as the kernel ends all other processes of the container with it.
//
// A program uses it by calling NewGuard first thing in main, as cmd/taskvisord does. A Guard is optional: programs that embed the plugin may leave
// the lives of commands to a service manager.
//
// # Costs
//
// Each running command occupies one thread and three goroutines of the daemon; Go gives up at 10,000 threads, so limit the number of concurrent
// attempts where there may be thousands. A guardian has about 2 MB of memory of its own (it shares the program with the daemon) and sleeps
// until the daemon ends. A program that is process 1 of a container adopts orphans. Those of the group of a command are reaped when the command
// ends; those that left the group are a matter of the program, as of package server/daemon. It must not wait for just any child.
//
// # Debugging
//
// Lines of output are logged at level debug, with the attributes stream and line, through supervisor.Logger.
package exec
