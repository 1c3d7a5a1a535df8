// Package servertest runs a server in memory, with its engine and clients of it, for tests.
//
//	h := servertest.New(t)
//	h.Define("greet", func(ctx context.Context) error { ... })
//	task := h.Add("hello", "greet")
//
// New works inside a testing/synctest bubble, where time is virtual, and outside. With the end of the test all is shut down, and a goroutine
// that is left makes the test fail; tests that use the package should therefore not be parallel, unless each is in a bubble.
package servertest
