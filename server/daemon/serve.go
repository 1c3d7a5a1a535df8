package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"google.golang.org/grpc"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/metrics"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// daemon is one run of the daemon, from the moment that all it was given is known to be right.
type daemon struct {
	config  *config
	options *options
	handler slog.Handler
	log     *slog.Logger

	plugins    *plugin.Registry
	supervisor *supervisor.Supervisor
	server     *server.Server
	declared   *declaration
	security   *security

	metrics *metrics.Metrics // nil without --http-listen

	listeners *listeners
	web       *http.Server   // nil without
	failed    chan error     // has the error of the first listener that could not be served any longer
	serving   sync.WaitGroup // the goroutines that serve
}

// serve runs the daemon until ctx is done. The code says how it ended once it was serving; the error why it was not.
func serve(ctx context.Context, o *options, c *config, handler slog.Handler) (code int, err error) {
	d := &daemon{config: c, options: o, handler: handler, log: slog.New(handler), failed: make(chan error, 1)}
	// A signal that comes before the daemon serves is not lost: run sees it. What is judged here is judged to the end, so that its errors are
	// never about the signal.
	whole := context.WithoutCancel(ctx)
	if err := d.prepare(whole); err != nil {
		return 0, err
	}
	if d.listeners, err = listen(whole, c); err != nil {
		return 0, err
	}
	d.listeners.bind(c.maxConnections, d.log)
	defer d.security.watch()()
	defer o.reapOrphans(d.log)()
	return d.run(ctx)
}

// prepare makes all parts and judges all that the daemon was given. It starts nothing. All that is wrong with what it was given is one usageError.
func (d *daemon) prepare(ctx context.Context) (err error) {
	var problems []string
	if d.plugins, err = d.enabledPlugins(); err != nil {
		if problems, err = gather(problems, err); err != nil {
			return err
		}
	}
	known := problems == nil // the plugins, so that tasks can be judged
	read, err := d.readFiles()
	if err != nil {
		return err
	}
	problems = append(problems, read...)
	if known {
		if err := d.assemble(); err != nil {
			return err
		}
		d.declared.validate(ctx, d.server)
	}
	if problems, err = gather(problems, d.declared.err(d.config)); err != nil || problems == nil {
		return err
	}
	return &usageError{problems}
}

// readFiles reads the files that the settings name, and returns what is wrong with those of security, and which tasks files cannot be read.
func (d *daemon) readFiles() (problems []string, err error) {
	d.security, err = newSecurity(d.config, d.log)
	if problems, err = gather(problems, err); err != nil {
		return nil, err
	}
	d.declared, err = readTasks(d.config)
	return gather(problems, err)
}

// assemble makes the parts that judge tasks, and run them.
func (d *daemon) assemble() (err error) {
	if d.supervisor, err = supervisor.New(d.engineConfig()); err != nil {
		return fmt.Errorf("make the supervisor: %w", err)
	}
	if d.config.httpListen != "" {
		d.metrics = d.newMetrics()
	}
	d.server = server.New(d.supervisor, d.plugins, d.serverConfig())
	return nil
}

// gather adds to problems what err says to be wrong with what the daemon was given. It returns errors about anything else.
func gather(problems []string, err error) ([]string, error) {
	var usage *usageError
	if errors.As(err, &usage) {
		return append(problems, usage.problems...), nil
	}
	return problems, err
}

func (d *daemon) engineConfig() supervisor.Config {
	c := supervisor.Config{
		Grace:         d.config.grace,
		MaxConcurrent: d.config.maxConcurrent,
		MaxTasks:      d.config.maxTasks,
		SlotQueue:     d.config.slotQueue,
		RetainedTasks: d.config.retainedTasks,
		RetainedAge:   d.config.retainedAge,
		OutputRate:    d.config.outputRate,
		OutputBurst:   d.config.outputBurst,
		EventBuffer:   d.config.eventBuffer,
		Logger:        d.log,
	}
	if c.RetainedTasks == 0 {
		c.RetainedTasks = -1 // 0 stands for the default there
	}
	return c
}

func (d *daemon) serverConfig() server.Config {
	c := server.Config{
		Logger: d.log, Authenticator: d.security.authenticator(), Version: d.options.version, Linger: d.config.watchLinger, Starting: true,
		MaxStreams: d.config.maxStreams, MaxStreamsPerPrincipal: d.config.maxStreamsPerPrincipal,
		MaxConcurrentStreams: uint32(d.config.maxCallsPerConnection), MaxRequestBytes: d.config.maxRequestBytes,
		RequestRate: d.config.requestRate, MaxRequestIDs: d.config.maxRequestIDs,
		KeepaliveTime: d.config.keepaliveTime, KeepaliveTimeout: d.config.keepaliveTimeout, HandshakeTimeout: d.config.handshakeTimeout,
	}
	if d.metrics != nil {
		c.UnaryInterceptors = append(c.UnaryInterceptors, d.metrics.UnaryInterceptor())
		c.StreamInterceptors = append(c.StreamInterceptors, d.metrics.StreamInterceptor())
	}
	if c.Linger == 0 {
		c.Linger = -1 // 0 stands for the default there
	}
	return c
}

// enabledPlugins returns the plugins, of which the settings say which are enabled.
func (d *daemon) enabledPlugins() (*plugin.Registry, error) {
	var list []plugin.Plugin
	if d.options.plugins != nil {
		var err error
		if list, err = d.options.plugins(Settings{ExecAllow: d.config.execAllow, ExecUser: d.config.execUser}); err != nil {
			return nil, &usageError{[]string{d.config.origin("exec-allow") + ": " + err.Error()}} // the list depends on nothing else that was not checked
		}
	}
	registry, err := plugin.NewRegistry(list...)
	if err != nil || d.config.plugins == nil {
		return registry, err
	}
	origin := d.config.origin("plugins")
	only, err := registry.Only(d.config.plugins, "it is not among the plugins of "+origin+"; add it there and start the daemon anew")
	if err != nil {
		return nil, &usageError{prefixed(origin, err)}
	}
	return only, nil
}

// prefixed returns a line for each error that was joined.
func prefixed(prefix string, err error) []string {
	var lines []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		lines = append(lines, prefix+": "+line)
	}
	return lines
}

// run adds the tasks, serves until it is asked to stop or cannot go on, and drains. The error says why it never came to serve.
func (d *daemon) run(ctx context.Context) (code int, err error) {
	defer closeAll(d.listeners.all()) // those that are served are closed by then
	if err := d.logEvents(); err != nil {
		return 0, err
	}
	if err := d.serveProbes(); err != nil {
		return 0, err
	}
	switch err = d.declared.addTo(ctx, d.server); {
	case err == nil:
		d.serve()
		d.announce()
		code = d.wait(ctx)
	case ctx.Err() != nil:
		err = nil // it was asked to stop while it added the tasks
	}
	return max(code, d.drain(ctx)), err
}

// logEvents logs the events, from the first to the last: a slow log costs events, and says so, but never holds up a task.
func (d *daemon) logEvents() error {
	_, err := d.supervisor.Subscribe(supervisor.NewLogSubscriber(d.handler), supervisor.SubscribeOptions{
		Buffer: d.config.eventBuffer, Oldest: true,
	})
	return err
}

// serve serves gRPC. From here on the daemon is ready.
func (d *daemon) serve() {
	for _, l := range d.listeners.grpc {
		g := d.server.NewGRPCServer(grpc.Creds(d.security.credentials(l)))
		d.goServe(l, g.Serve)
	}
	d.server.Started()
}

// goServe serves a listener until it is closed.
func (d *daemon) goServe(l net.Listener, serve func(net.Listener) error) {
	d.serving.Go(func() {
		err := serve(l)
		if err == nil || errors.Is(err, grpc.ErrServerStopped) || errors.Is(err, http.ErrServerClosed) {
			return
		}
		select {
		case d.failed <- fmt.Errorf("serve on %s: %w", l.Addr(), err):
		default: // the first failure is the one to tell
		}
	})
}

// announce says that the daemon is ready, in one line, after what its operator had better know.
func (d *daemon) announce() {
	d.warn()
	var attrs []any
	for _, l := range d.listeners.grpc {
		attrs = append(attrs, addressKey(l), l.Addr().String())
	}
	if l := d.listeners.health; l != nil {
		attrs = append(attrs, "health", l.Addr().String())
	}
	if l := d.listeners.http; l != nil {
		attrs = append(attrs, "http", l.Addr().String())
	}
	attrs = append(attrs, "version", d.options.version)
	attrs = append(attrs, d.security.describe()...)
	attrs = append(attrs, "plugins", strings.Join(d.enabled(), ","), "tasks", len(d.declared.tasks))
	d.log.Info("ready", attrs...)
}

// enabled returns the names of the plugins that tasks may have.
func (d *daemon) enabled() (names []string) {
	for _, p := range d.plugins.List() {
		if p.Enabled {
			names = append(names, p.Name)
		}
	}
	return names
}

// warn tells of what works, but may not be what was meant.
func (d *daemon) warn() {
	for _, warning := range d.warnings() {
		d.log.Warn(warning)
	}
	for _, l := range d.listeners.all() {
		if a, ok := l.Addr().(*net.TCPAddr); ok {
			if text := d.exposure(a, d.listeners.setting(l)); text != "" {
				d.log.Warn(text, "address", a.String())
			}
		}
	}
}

// warnings are those that are not about an address.
func (d *daemon) warnings() (all []string) {
	for _, name := range d.config.unknownEnv {
		all = append(all, unknownVariable(name))
	}
	if d.config.tasks != "" && len(d.declared.tasks) == 0 {
		all = append(all, fmt.Sprintf("no tasks are declared in %s (%d files)", d.config.tasks, len(d.declared.files)))
	}
	return append(all, d.security.warnings()...)
}

// exposure tells what --insecure allows to those who reach the address of a setting; empty if that is nothing.
func (d *daemon) exposure(a *net.TCPAddr, setting string) string {
	lacks, _ := d.config.lacks()
	switch {
	case a.IP.IsLoopback() || setting == healthListen || lacks == "":
		return ""
	case d.config.authTokens != "": // then it lacks TLS
		return "whoever listens in on this address learns the tokens: nothing on it is " + lacks
	case setting == "http-listen":
		return "whoever reaches this address sees the tasks and the memory of the daemon: nothing on it is " + lacks
	default:
		return "whoever reaches this address controls the tasks: nothing on it is " + lacks
	}
}

func addressKey(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "socket"
	}
	return "address"
}

// wait returns when the daemon is asked to stop, or cannot go on.
func (d *daemon) wait(ctx context.Context) (code int) {
	select {
	case <-ctx.Done():
		return ExitClean
	case err := <-d.failed:
		d.log.Error("cannot go on serving", "reason", err)
		return ExitFailure
	}
}
