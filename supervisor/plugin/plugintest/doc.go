// Package plugintest checks that a plugin does what everybody who uses it relies on.
//
// # Usage
//
// One call in a test of the plugin:
//
//	func TestConformance(t *testing.T) {
//		plugintest.Run(t, greet.New(), plugintest.Config{
//			Good:    []plugintest.Case{{Config: map[string]any{"name": "world"}}},
//			Bad:     []plugintest.Bad{{Path: "name", Config: map[string]any{"name": ""}}},
//			Endless: map[string]any{"name": "world", "times": 1e9},
//		})
//	}
//
// # What is checked
//
//   - description: the plugin and each key of its config are described, the plugin is enabled.
//   - example: the example is accepted, it keeps to the schema, and so it does with all defaults spelled out.
//   - good: what the test calls good is accepted and keeps to the schema.
//   - bad: what the test calls bad is refused at the path that the test names.
//   - nonsense: each key is given null, values of all types, the empty, the deep, the huge and what is no text, and unknown keys stand
//     beside it. Build answers each with a body or with violations: without a panic, in time, the same each time, with texts of a decent
//     length. What it accepts, the schema accepts too.
//   - endings: attempts end as the test says, with the exit code and the hint that it says, and the same when the body runs once more.
//   - cancellation: an attempt that is canceled before it begins or while it is at work returns in time.
//   - crowd: many bodies of one config run at once, while others are built. Run tests with -race to see what they share.
//   - closing: a body that is a supervisor.Closer is closed in time and without an error, after it has run, was canceled, or never ran.
//   - goroutines: nothing goes on when all attempts are over and the body is closed, and nothing begins with Build.
//
// Bodies run under a real supervisor, as they do in a daemon. A body is at work once it has looked at its context for the first time: that is the
// moment at which the kit cancels it, unless Config.AtWork knows a later one.
//
// # What callers owe
//
// Whatever the configs name (files, servers) is there as long as Run runs; each config runs many times, and at the same time.
package plugintest
