// Package sleep is a plugin for rehearsing policies: a body that takes its time and then ends as it is told. Restart modes, backoffs, timeouts,
// retries and alerts can be tried with it before real work depends on them.
//
// # Usage
//
//	{"duration": "2s"}                                            succeeds after 2 s
//	{"duration": "100ms", "failures": 3}                          fails three times, then succeeds
//	{"then": "failure", "exit_code": 3, "reason": "no database"}  fails again and again, as a process would
//	{"then": "fatal"}                                             fails once and for all
//	{"duration": "1h", "ignore_cancel": "30s"}                    ignores a removal, a timeout or a shutdown for 30 s
//	{"duration": "1h", "heartbeat": "1s"}                         gives a sign of life each second; by default it gives none
//
// # Guarantees
//
//   - Attempts 1 to failures of a life fail; later ones end as `then` says. The number is that of the engine, so a removed and re-added
//     task begins anew.
//   - An attempt that is canceled ends at once with the error of its context, or as long after the cancellation as ignore_cancel says,
//     whatever duration and then say.
//   - A body costs a timer while it waits and keeps nothing between attempts.
package sleep
