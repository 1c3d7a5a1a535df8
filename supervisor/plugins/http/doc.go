// Package http is the plugin that calls: an attempt is one HTTP request, and the answer decides between success and failure.
//
// # Usage
//
//	{"url": "http://127.0.0.1:8080/healthz"}                                         succeeds if the answer is 2xx
//	{"url": "http://localhost/reload", "method": "POST", "unix_socket": "/run/app.sock"}
//	{"url": "https://api.internal/hook", "method": "POST", "body": "{}", "headers": {"Content-Type": "application/json"},
//	  "fatal_status": ["4xx"], "tls": {"ca_file": "/etc/ca.pem"}}
//	{"url": "http://127.0.0.1:9200/_cluster/health", "expect": {"status": ["200"], "matches": "\"status\":\"(green|yellow)\""}}
//
// With restart mode ALWAYS and an interval it is a health check or warms a cache; with mode ON_FAILURE it is a webhook that is delivered at
// last. Worked sessions are in README.md beside this file.
//
// # How an attempt ends
//
//	an expected status, and the expected body    success
//	a status out of fatal_status                 failure for good
//	429 or 503 with Retry-After                  failure; the next attempt comes when the server says, after max_retry_after at the latest
//	another status or body                       failure that says which, with the beginning of the body
//	no answer within timeout                     failure
//	canceled                                     canceled
//
// # Signs of life
//
// The answer, and each part of its body that comes, is a heartbeat and sets the progress of the task: "200 OK, 4096 bytes so far". So a heartbeat_timeout
// ends a request that hangs, and none that goes on, long as it may take; timeout, which comes first by default, is for the whole of it.
//
// # Guarantees
//
//   - A connection serves one attempt and is closed with it. Files of tls are read at each attempt, so certificates that were renewed count.
//   - At most max_body bytes of an answer are read, after decompression. expect looks at these only.
//   - Redirects are answers like others, unless max_redirects says to follow them. Authorization and Cookie are not sent on to another host, other
//     headers are; a unix socket stays the same whatever the host.
//   - No proxy: HTTP_PROXY and its like in the environment of the daemon do not count, since a body calls what its config says.
//   - What is read of the body becomes output of the task, if that has CaptureOutput.
//
// # What may be reached
//
// Whatever the daemon can reach, with the network of the daemon, and any unix socket that its user may open: give the right to add tasks only to those
// who may do that too. Configs are shown by ListTasks: headers are no place for secrets that those who list tasks must not see.
package http
