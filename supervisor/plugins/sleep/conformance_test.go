package sleep_test

import (
	"testing"

	"github.com/taskvisor/taskvisor/supervisor/plugin/plugintest"
	"github.com/taskvisor/taskvisor/supervisor/plugins/sleep"
)

func TestConformance(t *testing.T) {
	plugintest.Run(t, sleep.New(), plugintest.Config{
		Good: []plugintest.Case{
			{Config: map[string]any{"duration": "4s"}},
			{Name: "failure", Config: map[string]any{"then": "failure", "exit_code": 3, "reason": "no database"}, End: plugintest.Fails, Reason: "no database", ExitCode: 3},
			{Name: "fatal", Config: map[string]any{"then": "fatal"}, End: plugintest.Dies},
			{Name: "panic", Config: map[string]any{"then": "panic"}, End: plugintest.Panics},
			{Name: "failures", Config: map[string]any{"failures": 1}, End: plugintest.Fails},
		},
		Bad: []plugintest.Bad{
			{Path: "exit_code", Config: map[string]any{"exit_code": 3}},
			{Path: "then", Config: map[string]any{"then": "explosion"}},
		},
		Endless: map[string]any{"duration": "1h"},
		Virtual: true,
	})
}
