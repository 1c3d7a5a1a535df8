package plugin_test

import (
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

func TestPaths(t *testing.T) {
	for want, got := range map[string]string{
		"env":        plugin.Key("", "env"),
		"env.PATH":   plugin.Key("env", "PATH"),
		`env["a.b"]`: plugin.Key("env", "a.b"),
		`env[""]`:    plugin.Key("env", ""),
		`["a b"]`:    plugin.Key("", "a b"),
		`x["\"\n"]`:  plugin.Key("x", "\"\n"),
		"a-b_C9":     plugin.Key("", "a-b_C9"),
		"command[1]": plugin.Index("command", 1),
		"[0]":        plugin.Index("", 0),
		`a[3].b`:     plugin.Key(plugin.Index("a", 3), "b"),
		`["ä"]`:      plugin.Key("", "ä"),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "1ns": 1, "1.5s": 1500 * time.Millisecond, "1h30m": 90 * time.Minute, "2us": 2 * time.Microsecond, "2µs": 2 * time.Microsecond,
		"2μs": 2 * time.Microsecond, "1m1m": 2 * time.Minute, "2562047h": 2562047 * time.Hour,
	} {
		var d plugin.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.Std() != want {
			t.Errorf("%s: %s, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "0", "1", "-1s", "+1s", ".5s", "1.s", "1 s", "1d", "s", "1s ", "2562048h", "1S"} {
		d := plugin.Duration(7)
		if err := d.UnmarshalText([]byte(text)); err == nil || d != 7 {
			t.Errorf("%q is accepted as %s", text, d)
		}
	}
}

func FuzzDuration(f *testing.F) {
	for _, text := range []string{"1h30m", "1.5s", "0", "2562048h", "1µs"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d plugin.Duration
		if d.UnmarshalText([]byte(text)) != nil {
			return
		}
		std, err := time.ParseDuration(text)
		if err != nil || std != d.Std() || std < 0 {
			t.Errorf("%q: %s, but time.ParseDuration says %s, %v", text, d, std, err)
		}
		var again plugin.Duration
		out, err := d.MarshalText()
		if err != nil || again.UnmarshalText(out) != nil || again != d {
			t.Errorf("%q: %s does not survive as %s", text, d, out)
		}
	})
}
