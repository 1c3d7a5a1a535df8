package cli

import "testing"

func TestCompletion(t *testing.T) {
	inWorld(t, func(w *world) {
		w.populate()
		for _, args := range [][]string{
			{"get", ""}, {"get", "e"}, {"get", "web"}, {"get", "once", ""}, {"rm", "st"}, {"rm", "*"}, {"plugins", ""},
			{"ls", "--state", ""}, {"watch", "--kind", "timeout"}, {"ls", "-o", ""}, {"add", "--plugin", ""},
		} {
			w.run(append([]string{"__complete"}, args...)...)
		}
	})
}

// TestHelp keeps the pages of help under the eye of whoever changes them.
func TestHelp(t *testing.T) {
	inWorld(t, func(w *world) {
		w.run("--help")
		for _, verb := range []string{"add", "ls", "get", "rm", "watch", "events", "logs", "wait", "plugins", "version"} {
			w.run(verb, "--help")
		}
	})
}
