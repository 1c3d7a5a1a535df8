// Package cli is the command line of taskvisor: its verbs, its words for mistakes, and its exit codes. What it needs of a server it asks for over
// the network, so it has no server in it. Verbs that do, which is bench alone, are packages of their own that main hands to it.
//
// # Where things are
//
// Each verb is a file of its name. Beside them:
//
//   - settings.go, sources.go: which server, how it is reached, and how it is shown; from flags, the environment and the config file.
//   - app.go: one run of the program, with its connection.
//   - exitcode.go, explain.go, probe.go: what an error means to a script and to a person, and why a server does not answer.
//   - manual.go, completion.go, complete….go: help, and what TAB completes.
//   - words.go, style.go, columns.go, encode.go, eventline.go, updates.go: how things are printed.
//   - why.go, replay.go: why a task is in its state.
//   - top.go, topwords.go: the verb top, which is package top, and the words that this package gives it.
//
// # Guarantees
//
//   - What was asked for goes to standard output, all else to standard error.
//   - Text of others, such as reasons of failures, is printed without its control characters; only logs prints lines as they are.
//   - A watch tells what it has missed: for people on standard error, with -o json as a line of its own.
//   - A message about the server says which one was asked, and where its address comes from.
//   - Nothing is sent before all that was given has been read and found to be in order.
//
// # Testing
//
// The tests run whole commands against a server in memory, in virtual time, and compare all that is printed with the files in testdata. After a
// change that is meant, go test ./cmd/taskvisor/internal/cli -cli.update writes them anew; the difference is what is to be reviewed.
package cli
