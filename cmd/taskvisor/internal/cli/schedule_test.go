package cli

import (
	"testing"
	"time"
	_ "time/tzdata" // zones, also where the machine has none
)

func TestSchedule(t *testing.T) {
	inWorld(t, func(w *world) {
		add := func(name, body string, args ...string) {
			w.run(append([]string{"add", name, "--plugin", "script", "--set", "body=" + body}, args...)...)
		}
		add("nightly", "succeed", "--schedule", "30 2 * * *", "--time-zone", "Europe/Berlin")
		add("hourly", "fail", "--schedule", "@hourly", "--max-retries", "1", "--backoff-first", "1m", "--jitter", "none")
		add("plain", "fail", "--schedule", "0 */2 * * *", "--restart", "never")
		w.run("ls")
		w.run("get", "nightly")
		w.pass(60*time.Minute + 30*time.Second)
		w.run("get", "hourly") // between an attempt and its retry
		w.pass(90 * time.Minute)
		for _, name := range []string{"nightly", "hourly", "plain"} {
			w.run("get", name)
		}
		w.run("events", "nightly")
		w.run("events", "hourly")
		w.run("events", "plain")
		add("bad", "wait", "--schedule", "61 * * * *", "--time-zone", "Mars/Phobos")
		add("bad", "wait", "--schedule", "@every 5m")
		add("bad", "wait", "--time-zone", "Europe/Berlin")
		add("bad", "wait", "--schedule", "@daily", "--interval", "1s")
	})
}
