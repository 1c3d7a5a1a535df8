// Package daemon is taskvisord as a library: flags, environment and config file, the tasks file, listeners, log lines, signals and the
// drain.
//
// # Usage
//
// A daemon of one's own is a main that lists its plugins:
//
//	func main() {
//		daemon.Main(daemon.Plugins(func(daemon.Settings) ([]plugin.Plugin, error) {
//			return []plugin.Plugin{sleep.New(), backup.New()}, nil
//		}))
//	}
//
// To add a setting, add it to the table in settings, and a sample of it to the tests. Flag, environment variable, key of the config file, help
// and --print-config follow.
//
// # Guarantees
//
//   - A setting is taken from its flag, else from its environment variable, else from the config file, else it has its default.
//   - Nothing is started when a setting, or a file that one names, is wrong: all that is wrong is reported, with file and line. A task that has a
//     part that cannot be read is not judged any further, since what was meant is not known; so are tasks when it is not known which plugins there are.
//   - The ready line is written once the daemon serves, not before.
//   - SIGTERM and SIGINT drain within the grace period, a second signal quits at once, and the exit code tells how it ended: see the
//     constants.
//   - A log that is written slowly costs lines about events, and says which; one that nobody reads keeps neither a task from being
//     stopped nor a second signal from its effect.
//   - A unix socket is open to its own user only, from its first moment on Linux. One that a killed daemon left behind is replaced, anything
//     else in its place is left alone.
//   - Nobody outside of the machine gets in without TLS and authentication, unless --insecure is given. The files of both are read again when they
//     change: a new certificate is for new connections, a new list of tokens counts at once, and one that is wrong is logged and changes nothing.
//   - --http-listen has the rules of --listen, TLS included. With --auth-tokens, the pages need the role watch, and profiles the role admin; without, who
//     may connect may look, on a loopback address by a name of loopback or that of the setting only, so that no site in a browser may. /healthz and /readyz tell everybody that there is a daemon. --health-listen tells everybody the health of the daemon, and
//     that of a task whose name is known, whatever else protects the daemon.
//   - Main, as process 1 of a container or as a subreaper, reaps the processes that it adopts; Run leaves that to the program around it.
//   - The verb healthcheck asks a daemon that runs, where there is no other program to do so. It reads the settings that say where, and minds no others.
//   - Probes are answered from before the first task is added until the last has stopped, and say when to come: readiness ends when the drain begins.
//   - Whoever opens as many connections to one address as may be keeps nobody from another one: the socket and the addresses of probes stay open.
//   - No token and no key is in the log, in a message or in what --print-config prints.
//   - Text that callers send can neither begin a line of the log nor steer a terminal.
//
// # Bounds
//
// A config file, each tasks file and each file of TLS and tokens is read up to 16 MiB, and refused beyond. There are at most server.MaxGrants tokens
// and names of certificates. Connections that come to nothing cause ten lines of the log at once, and then one in a second. What the daemon
// keeps besides is bounded by these flags; a test compares the table with the settings:
//
//	FLAG                         DEFAULT  AT THE BOUND
//	--max-tasks                  100000   TASK_LIMIT
//	--slot-queue                 100      QUEUE_FULL
//	--max-connections            10000    of each address: a connection is closed at once, and a line of the log in ten seconds says so
//	--max-calls-per-connection   2000     more wait
//	--max-request-bytes          1048576  SIZE_LIMIT
//	--max-streams                10000    STREAM_LIMIT
//	--max-streams-per-principal  1000     PRINCIPAL_STREAM_LIMIT
//	--request-rate               0        RATE_LIMIT, and google.rpc.RetryInfo
//	--max-request-ids            100000   the oldest answers go
//	--retained-tasks             1000     the oldest finished tasks go
//	--retained-age               1h0m0s   so do those that are older
//	--output-rate                100      lines are dropped, and counted in lost_count of the next
//	--output-burst               200      so are those that come at once
//	--event-buffer               16384    the oldest events go, and who has not read them is told of a gap
//	--max-concurrent             0        attempts wait for a permit
//
// A connection that has not come to HTTP/2, over TLS where there is TLS, within --handshake-timeout is closed; one whose client is gone after
// --keepalive-time and --keepalive-timeout. A connection to --health-listen may have 100 calls open at once, and those to --http-listen have the bounds of package http: ten seconds for a request,
// half a minute for an answer. How large names, labels, configs and filters may be is in the contract, which grpcurl describe prints.
//
// # Debugging
//
// Package server/metrics lists what --http-listen tells Prometheus. In addition, there are:
//
//	taskvisor_connections{listener=listen|socket|health-listen|http-listen} gauge: open connections
//	taskvisor_connections_refused_total{listener} counter: connections that were closed at once, as --max-connections were open
//	taskvisor_reload_failures_total{what=certificate|list of tokens} counter: times that files had changed and what they had was bad
//	taskvisor_reload_last_successful{what} gauge: 1, or 0 while what was read last is bad and the former in force
//	taskvisor_reload_last_success_timestamp_seconds{what} gauge: when what is in force was read
//	taskvisor_expiry_timestamp_seconds{what=certificate} gauge: when it expires
//
// /debug/tasks is the state of all tasks and watchers, and of the files that are read again, at a glance, also for curl.
//
// The command "config check" judges settings and the files that they name as a start would, and starts nothing: see its --help.
// --print-config shows which settings hold and where each comes from. --log-level debug logs each call that succeeds, too.
//
// # Testing
//
// Run is Main with arguments, environment, streams and signals of the caller's choice, and returns the exit code: see the example.
package daemon
