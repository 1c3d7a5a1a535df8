package layout

import (
	"fmt"
	"strings"
	"testing"
)

// ban says what a tree of packages must not have among its dependencies, be it through any number of others.
type ban struct {
	tree  string
	never []string
	why   string
}

var bans = []ban{
	{
		tree:  "./supervisor",
		never: []string{"google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto", "./gen", "./server", "./client", "./cmd"},
		why:   "The engine, its plugins and their authors do not pay for a transport that they do not use.",
	}, {
		tree:  "./client",
		never: []string{"./server", "./supervisor", "./cmd", "charm.land/bubbletea", "github.com/charmbracelet"},
		why:   "Programs that control a server would otherwise carry one.",
	}, {
		tree:  "./server/servertest",
		never: []string{"github.com/prometheus", "./server/metrics"},
		why:   "It has the server in it and little else: a server without metrics does not bring Prometheus along.",
	}, {
		tree:  "./cmd/taskvisor/internal/cli",
		never: []string{"./supervisor", "./server/daemon", "./server/servertest"},
		why:   "The command line works on any server that keeps the contract, also on one that is newer. Package server itself has the engine.",
	}, {
		tree:  "./cmd/taskvisor",
		never: []string{"testing", "./server/daemon", "./server/servertest", "./supervisor/plugins"},
		why:   "Of the server, the load generator needs what it measures. The daemon is another program.",
	}, {
		tree:  "./cmd/taskvisord",
		never: []string{"testing", "./client", "./server/servertest", "./supervisor/plugin/plugintest"},
		why:   "Test code in the binary registers flags and weighs.",
	},
}

// TestBansHold checks the dependencies of each package, through whatever leads to them.
func TestBansHold(t *testing.T) {
	g := loadGraph(t)
	for _, complaint := range checkBans(g, bans) {
		t.Error(complaint)
	}
	for _, b := range bans[:2] { // the command line may come later, these may not go missing
		if len(g.within(b.tree)) == 0 {
			t.Errorf("no package in %s: nothing was checked", b.tree)
		}
	}
}

// checkBans returns each forbidden dependency, with the imports that lead to it.
func checkBans(g graph, bans []ban) (complaints []string) {
	for _, b := range bans {
		for _, path := range g.within(b.tree) {
			for _, never := range b.never {
				if chain := g.chain(path, func(dep string) bool { return within(dep, never) }); chain != nil {
					complaints = append(complaints, fmt.Sprintf("%s must not depend on %s. %s", strings.Join(chain, " → "), never, b.why))
				}
			}
		}
	}
	return complaints
}

// TestADaemonBringsItsTimeZones: in an image that has nothing else, schedules would know UTC alone. A machine that builds it has them anyway, so that
// no other test would notice.
func TestADaemonBringsItsTimeZones(t *testing.T) {
	if loadGraph(t).chain("./server/daemon", func(dep string) bool { return dep == "time/tzdata" }) == nil {
		t.Error("./server/daemon does not have time/tzdata")
	}
}

// TestEachBanCanFail puts each forbidden package at the end of a chain of innocent ones.
func TestEachBanCanFail(t *testing.T) {
	for _, b := range bans {
		if b.why == "" {
			t.Errorf("%s has no reason", b.tree)
		}
		for _, never := range b.never {
			g := graph{b.tree: nil, b.tree + "/a": {"fmt", "example.com/b"}, "example.com/b": {never + "/c"}}
			if complaints := checkBans(g, []ban{b}); len(complaints) != 1 {
				t.Errorf("%s reaches %s, complaints: %q", b.tree, never, complaints)
			}
			g["example.com/b"] = []string{never + "lookalike"}
			if complaints := checkBans(g, []ban{b}); len(complaints) != 0 {
				t.Errorf("%s reaches no %s, complaints: %q", b.tree, never, complaints)
			}
		}
	}
}
