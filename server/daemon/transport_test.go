package daemon

import (
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever can connect can cause lines; "there are not too many of them", and it is told how many are left out.
func TestLinesAboutHandshakesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newConsole()
		h := newHandshakes(slog.New(newTextHandler(log, slog.LevelInfo)))
		client, conn := net.Pipe()
		defer client.Close()
		defer conn.Close()
		for range handshakeBurst + 5 {
			h.failed(conn, errors.New("boom"))
		}
		if lines := strings.Count(log.String(), "reason=boom\n"); lines != handshakeBurst || strings.Contains(log.String(), "left_out") {
			t.Errorf("%d lines:\n%s", lines, log)
		}
		time.Sleep(time.Second / handshakeRate)
		h.failed(conn, errors.New("boom"))
		h.failed(conn, errors.New("boom"))
		if !strings.HasSuffix(log.String(), " left_out=5\n") {
			t.Errorf("%s", log)
		}
	})
}
