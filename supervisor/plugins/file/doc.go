// Package file is the plugin that watches: an attempt waits until a path is there, gone or changed, and then acts.
//
// # Usage
//
//	{"path": "/run/app/ready"}                                                       succeeds once it exists
//	{"path": "/run/maintenance", "until": "missing"}                                 succeeds once it does not
//	{"path": "/etc/app/config.yaml", "until": "changed",
//	  "then": {"http": {"url": "http://127.0.0.1:8080/-/reload", "method": "POST"}}}  has the application read it again
//	{"path": "/etc/tls/tls.crt", "until": "changed",
//	  "then": {"signal": {"process": "nginx", "signal": "HUP"}}}                      the same by a signal
//	{"path": "/run/app/failed", "then": {"fail": "the application says that it failed"}}
//
// An attempt ends with the first time that it acts: restart mode ALWAYS makes a watcher of it. Give that an interval where until is exists or missing,
// which may hold for long. A worked session is in README.md beside this file.
//
// # What a change is
//
// Another content, of the file itself or of what symbolic links lead to: that Kubernetes swaps the links of a ConfigMap or a Secret is a change,
// that somebody touches the file is none. Coming and going are changes. Of a folder, it is the names in it and the content of the files
// directly in it, without names that begin with "..", which is how Kubernetes hides the same content once more.
//
// What is compared with is what the first attempt of a life found when it began, and later what was there when the last action succeeded, or when then.fail was
// told. So nothing that changes between two attempts is missed, and a request or a signal that failed is sent again by the next attempt.
//
// # How an attempt ends
//
//	the path is as it should be, no action or one that succeeded    success
//	then.fail, or an action that failed                             failure that says why; that of http may ask for a delay or be for good
//	the path cannot be looked at                                    failure that says why
//	canceled                                                        canceled; not while a signal is sent, but while an http call is under way
//
// # Why it polls
//
// It looks once in each interval, between 10 ms and 1 h. The notifications of the kernel do not come from network file systems and from some volumes
// of containers, they are few for each user of a node, and have to be asked for anew at every link on the way to a file. A look is a call
// or two of stat; the content is read only if stat tells of a change, or if the last change is so young that it would not tell of another one.
//
// # Signs of life
//
// Each look that comes to an end is a heartbeat, and so is what package http does of then.http. A heartbeat_timeout of more than interval therefore ends an
// attempt that hangs, as on a network file system whose server is gone, and none that waits.
//
// # Limits
//
// Files beyond 64 MiB are compared by size and time, not by content. A folder may have 1,000 names. What is neither file nor folder is
// compared by time and kind, and never opened. Files of /proc, which say that they are empty, are taken for empty.
//
// # What may be reached
//
// Signals go to any process that the daemon may signal, and that it can see: in a pod, those of the same container, or of all of them with
// shareProcessNamespace. Never to the daemon itself. then.http reaches what package http does. Give the right to add tasks only to those
// who may do that too.
package file
