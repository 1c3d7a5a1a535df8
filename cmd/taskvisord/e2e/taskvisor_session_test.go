//go:build e2e

package e2e

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sameWith is what taskvisor has for what grpcurl does.
var sameWith = map[string]string{
	"list":        "plugins", // what the server can do: grpcurl finds the contract, which taskvisor has in it
	"AddTask":     "add",
	"ListTasks":   "ls",
	"RemoveTask":  "rm",
	"WatchEvents": "watch",
	"mistake":     "exit code", // see below
}

// grpcurlDoes finds the method, or the verb, of a command.
var grpcurlDoes = regexp.MustCompile(`(?s)(?:SupervisorService/(\w+)|127\.0\.0\.1:7700 (\w+))$`)

// TestBothSessionsDoTheSame: "a scripted session using only taskvisor does everything that the grpcurl session of the README does". Both are run by
// TestReadmeSession; this finds what one of them does and the other does not.
func TestBothSessionsDoTheSame(t *testing.T) {
	s := session{document: "README.md"}
	does := func(heading string) map[string]bool {
		steps, err := readConsole(sections(s.read(t), func(h string) bool { return h == heading }))
		if err != nil || len(steps) == 0 {
			t.Fatalf("%q: %d commands, %v", heading, len(steps), err)
		}
		done := map[string]bool{}
		for _, step := range steps {
			if m := grpcurlDoes.FindStringSubmatch(step.command); m != nil {
				done[sameWith[m[1]+m[2]]] = true
			} else {
				done[strings.Fields(step.command)[1]] = true
			}
			if strings.Contains(step.output, "0.5 is no factor of growth") {
				done[sameWith["mistake"]] = true
			}
		}
		return done
	}
	byHand, byPerson := does("## A session with grpcurl"), does("## The same with taskvisor")
	for _, verb := range slices.Sorted(maps.Values(sameWith)) {
		if !byHand[verb] {
			t.Errorf("the session with grpcurl has nothing that is taskvisor %s", verb)
		}
	}
	for verb := range byHand {
		if !byPerson[verb] {
			t.Errorf("the session with taskvisor has no %q, and that with grpcurl does it", verb)
		}
	}
}
