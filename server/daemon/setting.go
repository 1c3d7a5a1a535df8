package daemon

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

// setting is one thing that can be set: by the flag --name, by the environment variable TASKVISOR_NAME and by the key name of the config
// file. The table of settings is all that those three, the help text and --print-config know about it.
type setting struct {
	name  string
	arg   string // what stands for the value in the help text; empty for a switch, whose values are "true" and "false"
	usage string // what it does, for the help text, which adds the default
	def   string // default as one would write it; empty for none
	many  bool   // takes any number of values

	set func(c *config, values []string) error
	get func(c *config) []string
}

// Bounds of settings: large enough for any use, small enough to catch a slip of the finger.
const (
	maxEventBuffer = 1 << 26
	maxTasks       = 10_000_000
	maxConcurrent  = 1_000_000
	maxConnections = 1_000_000
	maxStreams     = 1_000_000

	// Least values: fewer would not do for a task of an ordinary size, and a client that asks for the contract while it makes a call.
	minRequestBytes = 4 << 10
	minCalls        = 10
	maxOutputRate   = 1_000_000
	maxRequestRate  = 1_000_000
	maxRetainedAge  = 30 * 24 * time.Hour
)

// settings is the table, in the order of the help text.
func settings() []setting {
	return []setting{
		one(setting{name: "listen", arg: "HOST:PORT", def: "127.0.0.1:7700",
			usage: "address to serve gRPC on; port 0 takes a free one, none serves on --socket only"},
			func(c *config) *string { return &c.listen }, parseAddress, formatAddress),
		one(setting{name: "insecure", def: "false",
			usage: "allow --listen and --http-listen on other than loopback addresses without TLS or without authentication: who reaches it controls the tasks"},
			func(c *config) *bool { return &c.insecure }, parseBool, strconv.FormatBool),
		one(setting{name: "tls-cert", arg: "FILE", usage: "certificate of --listen and --http-listen, in PEM, with those of intermediate authorities after it; read again when it changes"},
			func(c *config) *string { return &c.tlsCert }, parseText, formatText),
		one(setting{name: "tls-key", arg: "FILE", usage: "private key of --tls-cert, in PEM"},
			func(c *config) *string { return &c.tlsKey }, parseText, formatText),
		one(setting{name: "tls-client-ca", arg: "FILE", usage: "authorities, in PEM, of which every client there has to show a certificate; " +
			"without --auth-tokens, that is all it needs"},
			func(c *config) *string { return &c.tlsClientCA }, parseText, formatText),
		one(setting{name: "auth-tokens", arg: "FILE", usage: "YAML or JSON file of who may do what, by bearer token or client certificate: " +
			"everybody else is refused; read again when it changes"},
			func(c *config) *string { return &c.authTokens }, parseText, formatText),
		one(setting{name: "socket", arg: "PATH", usage: "unix socket to serve gRPC on, which only the own user may open"},
			func(c *config) *string { return &c.socket }, parseSocket, formatText),
		one(setting{name: "health-listen", arg: "HOST:PORT", def: noAddress,
			usage: "address for probes that know neither TLS nor tokens, such as those of the kubelet: it serves grpc.health.v1 alone, to everybody"},
			func(c *config) *string { return &c.healthListen }, parseAddress, formatAddress),
		one(setting{name: "http-listen", arg: "HOST:PORT", def: noAddress,
			usage: "address to serve /metrics, /healthz, /readyz, /debug/tasks and /debug/pprof on over HTTP, under the rules of --listen: with TLS and --auth-tokens " +
				"if those are given, role watch, for profiles role admin, health for everybody"},
			func(c *config) *string { return &c.httpListen }, parseAddress, formatAddress),
		one(setting{name: "tasks", arg: "PATH", usage: "YAML or JSON file of tasks to add at the start, or a directory of such files"},
			func(c *config) *string { return &c.tasks }, parseText, formatText),
		several(setting{name: "plugins", arg: "NAME,...", usage: "plugins to enable, no others (default all, exec only with --exec-allow)"},
			func(c *config) *[]string { return &c.plugins }, checkPluginName),
		several(setting{name: "exec-allow", arg: "COMMAND,...", usage: "commands that exec may run: names or paths, * and ? as wildcards; enables exec. May be repeated"},
			func(c *config) *[]string { return &c.execAllow }, checkCommand),
		several(setting{name: "exec-user", arg: "USER,...",
			usage: "users, besides that of the daemon, as whom exec may run commands: USER or USER:GROUP, names or numbers; needs root. May be repeated"},
			func(c *config) *[]string { return &c.execUser }, checkUser),
		one(setting{name: "grace", arg: "DURATION", def: supervisor.DefaultGrace.String(),
			usage: "how long a task may take to stop when it is removed, and all of them together when the daemon stops"},
			func(c *config) *time.Duration { return &c.grace }, parseGrace, time.Duration.String),
		one(setting{name: "max-concurrent", arg: "N", def: "0", usage: "how many attempts may run at once, others wait; 0 for no limit"},
			func(c *config) *int { return &c.maxConcurrent }, between(0, maxConcurrent), strconv.Itoa),
		one(setting{name: "max-tasks", arg: "N", def: strconv.Itoa(supervisor.DefaultMaxTasks), usage: "how many tasks may be live at once"},
			func(c *config) *int { return &c.maxTasks }, between(1, maxTasks), strconv.Itoa),
		one(setting{name: "slot-queue", arg: "N", def: strconv.Itoa(supervisor.DefaultSlotQueue), usage: "how many tasks may wait for one slot"},
			func(c *config) *int { return &c.slotQueue }, between(1, maxTasks), strconv.Itoa),
		one(setting{name: "retained-tasks", arg: "N", def: strconv.Itoa(supervisor.DefaultRetainedTasks),
			usage: "how many finished tasks are kept for who asks how they ended; 0 for none"},
			func(c *config) *int { return &c.retainedTasks }, between(0, maxTasks), strconv.Itoa),
		one(setting{name: "retained-age", arg: "DURATION", def: supervisor.DefaultRetainedAge.String(), usage: "how long finished tasks are kept at most"},
			func(c *config) *time.Duration { return &c.retainedAge }, durationBetween(time.Second, maxRetainedAge), time.Duration.String),
		one(setting{name: "output-rate", arg: "N", def: strconv.Itoa(supervisor.DefaultOutputRate),
			usage: "how many lines of output a second become events, of each task that asks for it; more are counted and dropped"},
			func(c *config) *int { return &c.outputRate }, between(1, maxOutputRate), strconv.Itoa),
		one(setting{name: "output-burst", arg: "N", def: strconv.Itoa(supervisor.DefaultOutputBurst), usage: "how many of these lines may come at once"},
			func(c *config) *int { return &c.outputBurst }, between(1, maxOutputRate), strconv.Itoa),
		one(setting{name: "max-connections", arg: "N", def: "10000",
			usage: "how many connections may be open at once to each of --listen, --socket, --health-listen and --http-listen; one more is closed at once"},
			func(c *config) *int { return &c.maxConnections }, between(1, maxConnections), strconv.Itoa),
		one(setting{name: "max-calls-per-connection", arg: "N", def: strconv.Itoa(server.DefaultMaxConcurrentStreams),
			usage: "how many calls, streams included, one connection to --listen or --socket may have open at once; HTTP/2 lets more wait"},
			func(c *config) *int { return &c.maxCallsPerConnection }, between(minCalls, maxStreams), strconv.Itoa),
		one(setting{name: "max-request-bytes", arg: "N", def: strconv.Itoa(server.DefaultMaxRequestBytes), usage: "how many bytes a request may have"},
			func(c *config) *int { return &c.maxRequestBytes }, between(minRequestBytes, server.MaxRequestBytes), strconv.Itoa),
		one(setting{name: "max-streams", arg: "N", def: strconv.Itoa(server.DefaultMaxStreams), usage: "how many streams of events may be open at once"},
			func(c *config) *int { return &c.maxStreams }, between(1, maxStreams), strconv.Itoa),
		one(setting{name: "max-streams-per-principal", arg: "N", def: strconv.Itoa(server.DefaultMaxStreamsPerPrincipal),
			usage: "how many of them one principal may have: one name of --auth-tokens, of a certificate, or the user of --socket"},
			func(c *config) *int { return &c.maxStreamsPerPrincipal }, between(1, maxStreams), strconv.Itoa),
		one(setting{name: "request-rate", arg: "N", def: "0",
			usage: "how many calls a second each caller may make, those about health excepted; callers are told apart by who they are, or else by their address; 0 for no limit"},
			func(c *config) *int { return &c.requestRate }, between(0, maxRequestRate), strconv.Itoa),
		one(setting{name: "max-request-ids", arg: "N", def: strconv.Itoa(server.DefaultMaxRequestIDs),
			usage: "how many answers to requests with a request_id are kept for a retry, at about half a KiB each"},
			func(c *config) *int { return &c.maxRequestIDs }, between(1, maxTasks), strconv.Itoa),
		one(setting{name: "keepalive-time", arg: "DURATION", def: server.DefaultKeepaliveTime.String(),
			usage: "after how long a quiet connection is asked whether its client is still there"},
			func(c *config) *time.Duration { return &c.keepaliveTime }, durationBetween(time.Second, maxGrace), time.Duration.String),
		one(setting{name: "keepalive-timeout", arg: "DURATION", def: server.DefaultKeepaliveTimeout.String(),
			usage: "how long that client has to answer before its connection is closed"},
			func(c *config) *time.Duration { return &c.keepaliveTimeout }, durationBetween(time.Second, maxGrace), time.Duration.String),
		one(setting{name: "handshake-timeout", arg: "DURATION", def: server.DefaultHandshakeTimeout.String(),
			usage: "how long a new connection to --listen, --socket or --health-listen may take to agree on TLS and HTTP/2 before it is closed"},
			func(c *config) *time.Duration { return &c.handshakeTimeout }, durationBetween(100*time.Millisecond, maxGrace), time.Duration.String),
		one(setting{name: "event-buffer", arg: "N", def: strconv.Itoa(supervisor.DefaultEventBuffer),
			usage: "how many events are kept for those who watch, at about 450 bytes each"},
			func(c *config) *int { return &c.eventBuffer }, between(1, maxEventBuffer), strconv.Itoa),
		one(setting{name: "watch-linger", arg: "DURATION", def: server.DefaultLinger.String(),
			usage: "how long a stream of events that has sent many at once waits for more, so that under load messages are fewer; 0s for not at all"},
			func(c *config) *time.Duration { return &c.watchLinger }, parseLinger, time.Duration.String),
		one(setting{name: "log-format", arg: "FORMAT", def: logText, usage: "text for people or json for machines"},
			func(c *config) *string { return &c.logFormat }, oneOf(logText, logJSON), formatText),
		one(setting{name: "log-level", arg: "LEVEL", def: "info", usage: "least important messages to log: debug, info, warn or error"},
			func(c *config) *slog.Level { return &c.logLevel }, parseLevel, formatLevel),
	}
}

// one completes a setting that takes one value. When it is given several times on one layer, the last one counts, as is usual for flags.
func one[T any](s setting, field func(*config) *T, parse func(string) (T, error), format func(T) string) setting {
	s.set = func(c *config, values []string) error {
		value, err := parse(values[len(values)-1])
		if err == nil {
			*field(c) = value
		}
		return err
	}
	s.get = func(c *config) []string { return []string{format(*field(c))} }
	return s
}

// several completes a setting that takes any number of values.
func several(s setting, field func(*config) *[]string, check func(string) error) setting {
	s.many = true
	s.set = func(c *config, values []string) error {
		for _, value := range values {
			if err := check(value); err != nil {
				return err
			}
		}
		*field(c) = append([]string{}, values...) // not nil: no value at all differs from the default
		return nil
	}
	s.get = func(c *config) []string { return *field(c) }
	return s
}

// envPrefix begins the name of each environment variable that is read.
const envPrefix = "TASKVISOR_"

// env is the name of the environment variable.
func (s *setting) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

// split splits a value as flags and the environment have it, where several are separated by commas.
func (s *setting) split(value string) []string {
	if !s.many {
		return []string{value}
	}
	var values []string
	for part := range strings.SplitSeq(value, ",") {
		if part = strings.TrimSpace(part); part != "" {
			values = append(values, part)
		}
	}
	return values
}
