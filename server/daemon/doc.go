// Package daemon is taskvisord as a library: flags, environment and config file, the tasks file, listeners, log lines, signals and the
// drain. A daemon of one's own is a main that lists its plugins and calls Main.
//
// # Guarantees
//
//   - A setting is taken from its flag, else from its environment variable, else from the config file, else it has its default.
//   - Nothing is started when a setting or a tasks file is wrong: all that is wrong is reported, with file and line. A task that has a
//     part that cannot be read is not judged any further, since what was meant is not known.
//   - The ready line is written once the daemon serves, not before.
//   - SIGTERM and SIGINT drain within the grace period, a second signal quits at once, and the exit code tells how it ended: see the
//     constants.
package daemon
