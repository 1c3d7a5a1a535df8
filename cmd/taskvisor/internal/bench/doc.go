// Package bench is the load generator: it measures how fast a server delivers events to watchers, and what that costs.
//
// # How it measures
//
// One process is the server, another one has the watchers, and this one tells them what to do. The two talk gRPC over loopback, as they would in
// earnest; both are this very program again, under a hidden command. A trial is a server, a number of watchers, a filter and a kind of client. Its
// processes are started anew, run for a while to warm up, and are asked twice, a window apart, what they have done and used. Trials that are
// compared follow each other, all trials are run before any is repeated, and ratios are taken within a round: a machine that is slow for a minute is
// so for both sides.
//
// # Fairness
//
// All servers implement the same method, so the watchers are the same for all. A publisher that runs freely measures how fast it can outrun its
// watchers; one that sleeps measures its sleep. Here it stays at most a window ahead of the slowest watcher, half of the event buffer, so that the
// server always has work for everyone and nothing is ever lost. How far the slowest has come the watchers themselves say, over a connection
// of its own, eight times in a window: the server has no part in that. A blast needs none of this, as gRPC itself holds it up.
//
// The raw client does not decode: it finds the ends of the events at the top level of a message. So the client, which shares the machine with the
// server, costs as little as it can, and costs the same for all servers.
package bench
