package daemon

import (
	"log/slog"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
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

// scrape returns the lines that Prometheus gets, without the comments.
func scrape(t *testing.T, list ...prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(list...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			values[family.GetName()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

// What was read when, and whether that is in force, as Prometheus and the page have it.
func TestReloadsAreTold(t *testing.T) {
	write(t, map[string]string{"f": "good"})
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		r := &reloader{
			what: "badge", order: []string{"f"}, files: map[string]string{"f": "f"}, log: slog.New(slog.DiscardHandler),
			judge: func(files []secretFile) loading {
				if string(files[0].data) == "bad" {
					return loading{problems: []string{"it is bad"}}
				}
				return loading{apply: func() {}, expires: time.Now().Add(24 * time.Hour)}
			},
		}
		if problems := r.load(); problems != nil {
			t.Fatal(problems)
		}
		for _, step := range []struct {
			text                 string
			successful, failures float64
			read                 time.Duration
			note                 string
		}{
			{"good", 1, 0, 0, "the badge in force was read 1m0s ago, and expires on 2000-01-02 00:00:00"},
			{"bad", 0, 1, 0, "the badge in force was read 2m0s ago, and expires on 2000-01-02 00:00:00; what was read 1m0s ago is bad, and the log says why"},
			{"better", 1, 1, 2 * time.Minute, "the badge in force was read 1m0s ago, and expires on 2000-01-02 00:02:00"},
		} {
			if err := os.WriteFile("f", []byte(step.text), 0o600); err != nil {
				t.Fatal(err)
			}
			r.check()
			time.Sleep(time.Minute)
			want := map[string]float64{
				"taskvisor_reload_last_successful": step.successful, "taskvisor_reload_failures_total": step.failures,
				"taskvisor_reload_last_success_timestamp_seconds": float64(begin.Add(step.read).Unix()),
				"taskvisor_expiry_timestamp_seconds":              float64(begin.Add(step.read + 24*time.Hour).Unix()),
			}
			if got := scrape(t, r.state.collectors(r.what)...); !maps.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", step.text, got, want)
			}
			if got := r.state.note(r.what, time.Now()); got != step.note {
				t.Errorf("%s: got  %s\nwant %s", step.text, got, step.note)
			}
		}
	})
}
