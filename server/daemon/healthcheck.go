package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// Exit codes of the verb healthcheck, which are those of grpc-health-probe.
const (
	HealthServing     = 0 // the service is SERVING
	HealthUsage       = 1 // the flags, the environment or the config file are wrong, or do not say where to ask
	HealthUnreachable = 2 // no connection to the daemon in time
	HealthFailed      = 3 // the daemon does not answer the question, in time or at all: it does not know the service
	HealthNotServing  = 4 // the service is not SERVING
)

const healthHelp = `Ask a running daemon for its health, by grpc.health.v1, for probes where there is no other program.
SERVICE is startup, readiness, liveness, task/NAME or the name of a gRPC service; none asks for the
daemon as a whole.

The daemon is found by its own settings: at --health-listen, else at --socket, else at --listen.
Give those flags that the daemon was given; the environment and the config file are the same anyway.

Exit codes:
  0  SERVING
  1  the flags, the environment or the config file are wrong
  2  no connection in time
  3  no answer in time, or the daemon does not know the service
  4  NOT_SERVING
`

// healthTimeout is how long the question and its answer may take unless --timeout says otherwise.
const healthTimeout = 5 * time.Second

// healthSettings are those that tell where a daemon is. The others are not judged: what is wrong with them says nothing about the health of a daemon
// that runs.
func healthSettings() (where, all []setting) {
	names := map[string]bool{"listen": true, "socket": true, "health-listen": true, "tls-cert": true, "tls-key": true, "tls-client-ca": true}
	all = settings()
	for i := range all {
		if names[all[i].name] {
			where = append(where, all[i])
		} else {
			all[i].set = func(*config, []string) error { return nil }
		}
	}
	return where, all
}

func healthCommand(o *options, p *Process) *cobra.Command {
	where, all := healthSettings()
	cmd := &cobra.Command{
		Use:   "healthcheck [SERVICE]",
		Short: "Ask a running daemon for its health",
		Long:  healthHelp,
		Args:  oneService,

		DisableFlagsInUseLine: true,
	}
	flags := addFlags(cmd.Flags(), where)
	cmd.Flags().String("config", "", "YAML `FILE` of settings (environment: "+envConfig+")")
	timeoutFlag := cmd.Flags().String("timeout", healthTimeout.String(), "how long connection, question and answer may take together, as a `DURATION`")
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &exitError{HealthUsage, flagError(cmd, err)} })
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		timeout, err := parseTimeout(*timeoutFlag)
		if err != nil {
			return &exitError{HealthUsage, err}
		}
		c, err := loadConfig(all, p.Env, flags(), cmd.Flags().Lookup("config"))
		if err != nil {
			return &exitError{HealthUsage, err}
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
		defer cancel()
		answer, err := checkHealth(ctx, c, strings.Join(args, ""), o.fullVersion())
		if err == nil {
			fmt.Fprintln(cmd.OutOrStdout(), answer)
		}
		return err
	}
	return cmd
}

func parseTimeout(value string) (time.Duration, error) {
	timeout, err := parseGrace(value)
	if err != nil {
		return 0, &usageError{[]string{"--timeout: " + err.Error()}}
	}
	return timeout, nil
}

func oneService(_ *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return &exitError{HealthUsage, &usageError{[]string{fmt.Sprintf("%q is one service too many; give one, or none for the daemon as a whole", args[1])}}}
}

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// checkHealth asks the daemon with this config, and returns what to tell of the answer if that is SERVING. Errors have the exit code.
func checkHealth(ctx context.Context, c *config, service, agent string) (string, error) {
	at, err := c.healthAddress()
	if err != nil {
		return "", &exitError{HealthUsage, err}
	}
	dial := &dialer{at: at}
	conn, err := grpc.NewClient("passthrough:///health", grpc.WithTransportCredentials(at.transport), grpc.WithContextDialer(dial.dial), grpc.WithUserAgent(agent))
	if err != nil {
		return "", &exitError{HealthUsage, err}
	}
	defer conn.Close()
	connected := awaitConnection(ctx, conn)
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
	switch {
	case err != nil && !connected:
		return "", &exitError{HealthUnreachable, fmt.Errorf("no connection to %s: %w; is the daemon running, with these settings?", at, dial.reason(err))}
	case err != nil:
		return "", &exitError{HealthFailed, fmt.Errorf("%s does not tell the health of %q: %s", at, service, status.Convert(err).Message())}
	case answer.GetStatus() != healthpb.HealthCheckResponse_SERVING:
		return "", &exitError{HealthNotServing, fmt.Errorf("%s says of %q: %s", at, service, answer.GetStatus())}
	default:
		return answer.GetStatus().String(), nil
	}
}

// dialer connects to a daemon, and remembers why it could not: gRPC wraps that in words of its own.
type dialer struct {
	at     *healthAddress
	failed atomic.Pointer[net.OpError]
}

// dial connects. Whoever asks is on the same machine, so proxies are for others.
func (d *dialer) dial(ctx context.Context, _ string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, d.at.network, d.at.address)
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		d.failed.Store(failed)
	}
	return conn, err
}

// reason returns why there is no connection, err being what a call without one has failed with.
func (d *dialer) reason(err error) error {
	if failed := d.failed.Load(); failed != nil {
		return failed.Err
	}
	return errors.New(status.Convert(err).Message())
}

// awaitConnection returns once the first attempt to connect has succeeded or failed, and reports which. Why it failed is told by the next call.
func awaitConnection(ctx context.Context, conn *grpc.ClientConn) bool {
	conn.Connect()
	for {
		switch state := conn.GetState(); state {
		case connectivity.Ready:
			return true
		case connectivity.TransientFailure, connectivity.Shutdown:
			return false
		case connectivity.Idle, connectivity.Connecting:
			if !conn.WaitForStateChange(ctx, state) {
				return false
			}
		}
	}
}
