package daemon

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What expires while it is in force is reported once, and again when it is renewed too briefly.
func TestExpiryIsReported(t *testing.T) {
	write(t, map[string]string{"f": "1"})
	synctest.Test(t, func(t *testing.T) {
		log := newConsole()
		r := &reloader{
			what: "badge", order: []string{"f"}, files: map[string]string{"f": "f"}, log: slog.New(newTextHandler(log, slog.LevelInfo)),
			judge: func([]secretFile) loading { return loading{apply: func() {}, expires: time.Now().Add(time.Hour)} },
		}
		if problems := r.load(); problems != nil {
			t.Fatal(problems)
		}
		reports := func() int {
			r.check()
			return strings.Count(log.String(), "ERROR the badge has expired, and clients refuse it; renew it, and it is reloaded expired=")
		}
		if n := reports(); n != 0 {
			t.Errorf("%d reports of what is good", n)
		}
		time.Sleep(time.Hour + 1)
		if first, second := reports(), reports(); first != 1 || second != 1 {
			t.Errorf("%d and %d reports", first, second)
		}
		if err := os.WriteFile("f", []byte("2"), 0o600); err != nil {
			t.Fatal(err)
		}
		if n := reports(); n != 1 {
			t.Errorf("%d reports of what was renewed", n)
		}
		time.Sleep(time.Hour + 1)
		if n := reports(); n != 2 {
			t.Errorf("%d reports", n)
		}
	})
}
