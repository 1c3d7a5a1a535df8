// Package server offers a supervisor over gRPC: the services of package taskvisorv1, health and reflection.
//
// # Usage
//
// A Server translates between the wire and one supervisor, and knows the plugins that make bodies out of requests:
//
//	sup, err := supervisor.New(supervisor.Config{})
//	plugins, err := plugin.NewRegistry(sleep.New(), ...)
//	srv := server.New(sup, plugins, server.Config{})
//	go srv.NewGRPCServer().Serve(listener)
//	...
//	err = srv.Shutdown(ctx)
//
// Config.Authenticator says who may do what; an Access does so by bearer tokens and client certificates. Without one, whoever can connect may do
// everything. UnixCredentials tell the user at the other end of a unix socket. TLS is that of gRPC: grpc.Creds.
//
// Its methods of the services can be called directly as well: AddTask is how a program that has the server in its own process adds a task by
// the rules of the wire.
//
// # Guarantees
//
//   - What the comments of the contract promise.
//   - An AddTask that is sent again, with the same request_id, adds nothing and gets the answer of the first one, though that may be gone.
//   - All that is wrong with a request is reported at once, with the paths of the fields as the caller wrote them.
//   - Each error of the services carries a google.rpc.ErrorInfo with domain "taskvisor", except those about a caller who has left. Errors that gRPC
//     makes before a service is reached carry none: unknown methods, bytes that are no message, more than 4 MiB.
//   - A panic in a call is logged with its stack, and the caller learns nothing of it but INTERNAL.
//   - A stream of events gets each event that its filter selects exactly once, in the order of the sequences, or is told of a gap. One that
//     begins with a snapshot gets each event that the snapshot does not show.
//   - The first message of a stream that watches from now on has the cursor at which it begins.
//   - For probes, health knows startup, readiness and liveness: see HealthStartup and the constants beside it. No failure of a task changes them.
//   - Health knows each live task as the service "task/NAME": SERVING while an attempt runs, and from a success until the next attempt.
//   - Nothing is done for a caller who is not known, or whose role does not allow the call, but to answer about health. Principals are on the events
//     that they cause, and in the log; tokens are nowhere.
//   - A stream ends when its credentials are revoked, also while its client does not read.
//   - No stream can slow the supervisor or another stream, and none can keep the server from shutting down: see Shutdown.
//
// # What callers owe
//
//   - A client that resumes a stream which began with a snapshot skips what a task of that snapshot shows already: events of the task up to
//     its Task.sequence, but for those of output, which no task shows.
//   - Tasks that the program adds past the server, by Supervisor.Add, are listed like others, with a spec without plugin and config.
//
// # Memory
//
// Of a call nothing is kept but the answer to an AddTask with a request_id, for ten minutes: half a KiB each, at most Config.MaxRequestIDs. A task
// keeps the spec that it was added with. The feed that all streams of events share keeps the encodings of the events
// that the log of the supervisor has, as far as anybody has watched them: about 200 bytes for an ordinary event. An idle stream takes 10 KB, most
// of it the stack of its goroutine. A stream sends messages of at most 16 KiB, unless a single event or task is larger, and holds up to 512 tasks
// while it sends a snapshot; what a client does not read is bounded by its HTTP/2 window and what gRPC writes ahead, 64 KiB each.
// With Config.RequestRate, a caller takes 200 bytes for two seconds after each call, and there are at most 20,000 of them.
// Requests are at most Config.MaxRequestBytes, streams at most Config.MaxStreams and Config.MaxStreamsPerPrincipal, pages at most 1 MiB or one task.
//
// # Debugging
//
// Server.Stats and Server.Streams tell how far the streams of events are, what they brought and what they lost. Package metrics tells Prometheus.
//
// Each call is logged when it ends: at debug level when it went well, at info when the caller was refused, at warn when it met a limit or a
// stuck task, at error when the server is at fault. Of calls that are too many for Config.RequestRate there is one line in a second. `grpcurl describe` prints the contract with its comments.
//
// # Testing
//
// Package servertest runs a server in memory, also inside a testing/synctest bubble.
package server
