// Package cli is the command line of taskvisor: its verbs, its words for mistakes, and its exit codes. What it needs of a server it asks for over
// the network, so it has no server in it. Verbs that do, which is bench alone, are packages of their own that main hands to it.
package cli
