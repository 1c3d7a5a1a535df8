package plugintest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugin/plugintest"
)

// Egg configures a body that boils an egg.
type Egg struct {
	Time plugin.Duration `json:"time" jsonschema:"how long the egg is boiled"`
	Size string          `json:"size,omitempty" jsonschema:"S, M or L"`
}

// SetDefaults implements plugin.Defaulter.
func (e *Egg) SetDefaults() { e.Size = "M" }

// Validate implements plugin.Validator.
func (e *Egg) Validate() error {
	var v plugin.Violations
	v.Check(e.Size == "S" || e.Size == "M" || e.Size == "L", "size", `%.64q is no size of an egg; give "S", "M" or "L"`, e.Size)
	return v.Err()
}

// boil is a plugin.
var boil = plugin.Definition[Egg]{
	Name:        "boil",
	Description: "Boils an egg.",
	Example:     Egg{Time: plugin.Duration(5 * time.Minute)},
	Build: func(egg Egg) (supervisor.Task, error) {
		return supervisor.TaskFunc(func(ctx context.Context) error {
			timer := time.NewTimer(egg.Time.Std())
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
			if egg.Time.Std() < time.Minute {
				return supervisor.ExitCode(errors.New("the egg is raw"), 1)
			}
			return nil
		}), nil
	},
}

func TestBoil(t *testing.T) {
	plugintest.Run(t, boil, plugintest.Config{
		Good: []plugintest.Case{
			{Config: map[string]any{"time": "1m", "size": "S"}},
			{Name: "raw", Config: map[string]any{"time": "10s"}, End: plugintest.Fails, Reason: "raw", ExitCode: 1},
		},
		Bad:     []plugintest.Bad{{Path: "size", Config: map[string]any{"time": "5m", "size": "XL"}}},
		Endless: map[string]any{"time": "8h"},
		Virtual: true, // an egg waits for nothing but time
	})
}

// A test of a plugin is one call; TestBoil in this file is a whole one.
func ExampleRun() {
	_ = func(t *testing.T) { // TestBoil
		plugintest.Run(t, boil, plugintest.Config{
			Good:    []plugintest.Case{{Config: map[string]any{"time": "1m"}}},
			Endless: map[string]any{"time": "8h"},
			Virtual: true,
		})
	}
}
