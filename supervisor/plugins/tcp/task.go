package tcp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
)

// maxAnswer is how many bytes of an answer are read at most.
const maxAnswer = 64 << 10

// task is the body.
type task struct{ config Config }

// Run implements supervisor.Task.
func (t *task) Run(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, t.config.Timeout.Std())
	defer cancel()
	doing, err := t.knock(limited)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case expired(limited):
		return fmt.Errorf("%s: could not %s within %s", t.target(), doing, t.config.Timeout)
	default:
		return fmt.Errorf("%s: could not %s: %w", t.target(), doing, err)
	}
}

// expired reports whether the deadline is over. What obeys deadlines by itself may give up a moment before the context is done.
func expired(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && !time.Now().Before(deadline)
}

func (t *task) target() string {
	if t.config.UnixSocket != "" {
		return t.config.UnixSocket
	}
	return t.config.Address
}

// knock connects and does what else is asked for. With an error, it says what could not be done.
func (t *task) knock(ctx context.Context) (doing string, err error) {
	plain, err := t.dial(ctx)
	if err != nil {
		return "connect", err
	}
	defer plain.Close()
	// The other calls know no context: an end of it makes them give up.
	defer context.AfterFunc(ctx, func() { plain.Close() })()
	conn := plain
	supervisor.Progress(ctx, "connected")
	if t.config.TLS != nil {
		if conn, err = t.handshake(ctx, plain); err != nil {
			return "shake hands", err
		}
		supervisor.Progress(ctx, "connected, and shaken hands")
	}
	if _, err := io.WriteString(conn, t.config.Send); err != nil {
		return "send", err
	}
	return fmt.Sprintf("read %.64q", t.config.Expect), t.await(ctx, conn)
}

func (t *task) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	if t.config.UnixSocket != "" {
		return dialer.DialContext(ctx, "unix", t.config.UnixSocket)
	}
	return dialer.DialContext(ctx, "tcp", t.config.Address)
}

func (t *task) handshake(ctx context.Context, conn net.Conn) (net.Conn, error) {
	config, err := t.config.TLS.Load()
	if err != nil {
		return nil, err
	}
	if config.ServerName == "" && t.config.Address != "" {
		config.ServerName, _, err = net.SplitHostPort(t.config.Address)
		if err != nil {
			return nil, err
		}
	}
	secure := tls.Client(conn, config)
	err = secure.HandshakeContext(ctx)
	return secure, err
}

// await reads until what is expected has come.
func (t *task) await(ctx context.Context, conn net.Conn) error {
	expected := []byte(t.config.Expect)
	var answer []byte
	for buffer := make([]byte, 4096); !bytes.Contains(answer, expected); {
		if len(answer) >= maxAnswer {
			return fmt.Errorf("it is not in the first %d bytes that came, %s", len(answer), excerpt(answer))
		}
		n, err := conn.Read(buffer[:min(len(buffer), maxAnswer-len(answer))])
		answer = append(answer, buffer[:n]...)
		if n > 0 {
			supervisor.Progress(ctx, fmt.Sprintf("%d bytes of an answer", len(answer)))
		}
		if err != nil && !bytes.Contains(answer, expected) {
			return ended(answer, err)
		}
	}
	return nil
}

// ended says that no more will come.
func ended(answer []byte, err error) error {
	text := "the connection was closed"
	if !errors.Is(err, io.EOF) {
		text = err.Error()
	}
	if len(answer) == 0 {
		return fmt.Errorf("%s before anything came", text)
	}
	return fmt.Errorf("%s after %s", text, excerpt(answer))
}

// maxExcerpt is how many bytes of an answer an error shows.
const maxExcerpt = 128

func excerpt(answer []byte) string {
	if len(answer) > maxExcerpt {
		return fmt.Sprintf("%q…", answer[:maxExcerpt])
	}
	return fmt.Sprintf("%q", answer)
}
