package servertest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

// ScriptPlugin is the name of the plugin whose bodies a test defines.
const ScriptPlugin = "script"

// Bodies that are there from the start.
const (
	Succeed = "succeed" // returns nil at once
	Fail    = "fail"    // returns an error at once, with exit code 3
	Wait    = "wait"    // runs until it is canceled
	Panic   = "panic"   // panics
)

// script is the config of ScriptPlugin.
type script struct {
	Body string `json:"body" jsonschema:"name of the body, as the test defined it"`
}

// bodies are the bodies by name.
type bodies struct {
	mu     sync.Mutex // guards byName
	byName map[string]supervisor.TaskFunc
}

func newBodies() *bodies {
	return &bodies{byName: map[string]supervisor.TaskFunc{
		Succeed: func(context.Context) error { return nil },
		Fail:    func(context.Context) error { return supervisor.ExitCode(errors.New("it failed"), 3) },
		Wait: func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
		Panic: func(context.Context) error { panic("it panicked") },
	}}
}

func (b *bodies) define(name string, body supervisor.TaskFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byName[name] = body
}

func (b *bodies) find(name string) (supervisor.TaskFunc, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, ok := b.byName[name]
	return body, ok
}

// plugin returns the plugin that makes these bodies.
func (b *bodies) plugin() plugin.Plugin {
	return plugin.Definition[script]{
		Name:        ScriptPlugin,
		Description: "Runs a body that a test defined.",
		Version:     "v1.2.3",
		Example:     script{Body: Wait},
		Build: func(config script) (supervisor.Task, error) {
			body, ok := b.find(config.Body)
			if !ok {
				var v plugin.Violations
				v.Add("body", "%q is not defined; call Define first", config.Body)
				return nil, v.Err()
			}
			return body, nil
		},
	}
}

// DisabledPlugin is the name of a plugin that may not be used.
const DisabledPlugin = "disabled"

func disabledPlugin() plugin.Plugin {
	return plugin.Definition[struct{}]{
		Name:        DisabledPlugin,
		Description: "May not be used.",
		Disabled:    "it is here to be refused; use " + ScriptPlugin,
		Build: func(struct{}) (supervisor.Task, error) {
			return nil, fmt.Errorf("plugin %q was used", DisabledPlugin)
		},
	}
}
