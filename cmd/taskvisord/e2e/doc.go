// Package e2e holds the tests that drive the daemon as its users do: the built binary as a process of its own, grpcurl and grpc-health-probe
// as its callers, signals, files and loopback addresses between them.
//
// # Usage
//
//	make e2e
//
// builds the two tools into .bin and runs these tests with the build tag e2e. TASKVISOR_E2E_BIN is the folder of the tools. The daemon is that
// of make build, in a temporary folder.
//
// # How they wait
//
// For a named moment, never for a time: a line of output, an event, the end of a process, the end of a pipe. Each process has a deadline
// after which it is killed and the test fails with all that the process printed.
//
// # The terminal
//
// TestTop has a terminal of tmux, whose screen it looks at every 20 ms, since tmux does not tell when it changes. Without tmux it is skipped, and
// says so: nothing but Go, git and make may be needed here. With TASKVISOR_E2E_REQUIRE=tmux, as in CI, it fails instead.
//
// # Chaos
//
//	make chaos MINUTES=30
//
// runs TestChaos for longer than the few seconds that it takes here. What it does to the daemon, it does at random times; what it waits for and nothing
// tells of, such as a file that another process closes, it asks for every 20 ms.
//
// # The sessions of README.md, and of the README.md of each plugin
//
// A fenced block that is marked console is run against a daemon that was started like `make run` does, and its output is compared;
// console_test.go has the format, pluginreadme_test.go what plugins find beside the daemon.
package e2e
