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
	return d.run(ctx)
}

// prepare makes all parts and judges all that the daemon was given. It starts nothing.
func (d *daemon) prepare(ctx context.Context) (err error) {
	if d.plugins, err = d.enabledPlugins(); err != nil {
		return err
	}
	if d.security, err = newSecurity(d.config, d.log); err != nil {
		return err
	}
	if d.declared, err = readTasks(d.config); err != nil {
		return err
	}
	if d.supervisor, err = supervisor.New(d.engineConfig()); err != nil {
		return fmt.Errorf("make the supervisor: %w", err)
	}
	if d.config.httpListen != "" {
		d.metrics = d.newMetrics()
	}
	d.server = server.New(d.supervisor, d.plugins, d.serverConfig())
	d.declared.validate(ctx, d.server)
	return d.declared.err(d.config)
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
		KeepaliveTime: d.config.keepaliveTime, KeepaliveTimeout: d.config.keepaliveTimeout,
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
		if list, err = d.options.plugins(Settings{ExecAllow: d.config.execAllow}); err != nil {
			return nil, &usageError{[]string{d.config.origin("exec-allow") + ": " + err.Error()}} // the list depends on nothing else
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
	var enabled []string
	for _, p := range d.plugins.List() {
		if p.Enabled {
			enabled = append(enabled, p.Name)
		}
	}
	attrs = append(attrs, "version", d.options.version)
	attrs = append(attrs, d.security.describe()...)
	attrs = append(attrs, "plugins", strings.Join(enabled, ","), "tasks", len(d.declared.tasks))
	d.log.Info("ready", attrs...)
}

// warn tells of what works, but may not be what was meant.
func (d *daemon) warn() {
	for _, name := range d.config.unknownEnv {
		d.log.Warn(unknownVariable(name))
	}
	if d.config.tasks != "" && len(d.declared.tasks) == 0 {
		d.log.Warn("no tasks are declared", "path", d.config.tasks, "files", len(d.declared.files))
	}
	for _, warning := range d.security.warnings() {
		d.log.Warn(warning)
	}
	for _, l := range d.listeners.all() {
		if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() && l != d.listeners.health {
			d.warnExposed(a, l == d.listeners.http)
		}
	}
}

// warnExposed tells what --insecure has allowed.
func (d *daemon) warnExposed(a *net.TCPAddr, web bool) {
	switch lacks, _ := d.config.lacks(); {
	case lacks == "":
	case d.config.authTokens != "": // then it lacks TLS
		d.log.Warn("whoever listens in on this address learns the tokens: nothing on it is "+lacks, "address", a.String())
	case web:
		d.log.Warn("whoever reaches this address sees the tasks and the memory of the daemon: nothing on it is "+lacks, "address", a.String())
	default:
		d.log.Warn("whoever reaches this address controls the tasks: nothing on it is "+lacks, "address", a.String())
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
