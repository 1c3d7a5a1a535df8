package layout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// layer is a tree of folders, without the deeper trees that are layers of their own. A package may import the packages of its own layer and
// those of the layers that may lists; which packages of other modules, is none of its business.
type layer struct {
	tree string
	may  []string
	why  string
}

// layers is the direction of imports, from the bottom to the top: a layer imports only such as stand above it in this list, so there are
// no cycles between layers either.
var layers = []layer{
	{
		tree: "./gen",
		why:  "Generated from proto/, which knows nothing of any code.",
	}, {
		tree: "./server/yamlfile",
		why:  "Reads files that people write into any protobuf message: the daemon and the command line accept the same files, in the same words.",
	}, {
		tree: "./supervisor/internal",
		why:  "Parts that are generic enough to be described without the word task; with the engine in sight they would not stay so.",
	}, {
		tree: "./supervisor",
		may:  []string{"./supervisor/internal"},
		why:  "The engine is a library of its own: whoever embeds it gets no transport, no plugin and no command line with it.",
	}, {
		tree: "./supervisor/cron",
		why:  "When something is due has nothing to do with what it is: the engine takes any Schedule.",
	}, {
		tree: "./supervisor/plugin",
		may:  []string{"./supervisor"},
		why:  "A plugin makes bodies for the engine. The engine does not know where its bodies come from.",
	}, {
		tree: "./supervisor/plugins",
		may:  []string{"./supervisor", "./supervisor/plugin"},
		why:  "A built-in body has the means of any other author: if it needed more, so would theirs.",
	}, {
		tree: "./server",
		may:  []string{"./gen", "./supervisor", "./supervisor/cron", "./supervisor/plugin"},
		why:  "Translates between the wire and the engine. Which bodies there are is the choice of who makes the server.",
	}, {
		tree: "./server/metrics",
		may:  []string{"./server", "./supervisor"},
		why:  "Who embeds a server without Prometheus gets none, so it is not part of the server.",
	}, {
		tree: "./server/servertest",
		may:  []string{"./gen", "./server", "./supervisor", "./supervisor/plugin", "./supervisor/plugins"},
		why:  "A server in memory for the tests of server, client and cmd.",
	}, {
		tree: "./server/daemon",
		may:  []string{"./gen", "./server", "./server/metrics", "./server/yamlfile", "./supervisor", "./supervisor/plugin"},
		why:  "The daemon as a library: a daemon of one's own imports it and lists its plugins, so it must not bring any along.",
	}, {
		tree: "./client",
		may:  []string{"./gen"},
		why:  "Programs that control a server would otherwise carry one.",
	}, {
		tree: "./cmd/internal",
		why:  "Tests of the repository itself.",
	}, {
		tree: "./cmd/taskvisor/internal/top",
		may:  []string{"./gen", "./client"},
		why:  "The screen shows what the client package follows; how things are said is the business of the command line, which gives it the words.",
	}, {
		tree: "./cmd/taskvisor/internal/cli",
		may:  []string{"./gen", "./client", "./server/yamlfile", "./cmd/taskvisor/internal/top"},
		why:  "What people can do from a terminal, programs can do with the client package.",
	}, {
		tree: "./cmd/taskvisor/internal/bench",
		may:  []string{"./gen", "./server", "./supervisor"},
		why:  "Measures the server that it brings along: in a process of its own, but made as the daemon makes it.",
	}, {
		tree: "./cmd/taskvisor",
		may:  []string{"./cmd/taskvisor/internal/cli", "./cmd/taskvisor/internal/bench"},
		why:  "Hands the command line those verbs that need more than a client, and does nothing else.",
	}, {
		tree: "./cmd/taskvisord",
		may:  []string{"./server/daemon", "./supervisor/plugin", "./supervisor/plugins"},
		why:  "A thin shell: anything more that it needed would be missing from a daemon of one's own.",
	},
}

// TestImportsGoDown checks each import inside this module against the table.
func TestImportsGoDown(t *testing.T) {
	for _, complaint := range checkLayers(loadGraph(t), layers) {
		t.Error(complaint)
	}
}

// checkLayers returns what is wrong with the imports among our packages.
func checkLayers(g graph, layers []layer) (complaints []string) {
	for _, path := range g.within(".") {
		from := layerOf(path, layers)
		if from == nil {
			complaints = append(complaints, fmt.Sprintf("%s belongs to no layer: add it to the table, with its reason", path))
			continue
		}
		for _, imported := range g[path] {
			if !within(imported, ".") || from.allows(layerOf(imported, layers)) {
				continue
			}
			complaints = append(complaints, fmt.Sprintf("%s imports %s; the layer %s may import %s. %s",
				path, imported, from.tree, orNothing(from.may), from.why))
		}
	}
	return complaints
}

// layerOf returns the layer with the deepest tree that has the package in it.
func layerOf(path string, layers []layer) (deepest *layer) {
	for i, l := range layers {
		if within(path, l.tree) && (deepest == nil || len(l.tree) > len(deepest.tree)) {
			deepest = &layers[i]
		}
	}
	return deepest
}

func (l *layer) allows(imported *layer) bool {
	return imported != nil && (imported.tree == l.tree || slices.Contains(l.may, imported.tree))
}

func orNothing(trees []string) string {
	if len(trees) == 0 {
		return "nothing of this module"
	}
	return "only " + strings.Join(trees, ", ")
}

func TestTheTableIsInOrder(t *testing.T) {
	for i, l := range layers {
		if l.why == "" {
			t.Errorf("%s has no reason", l.tree)
		}
		for _, tree := range l.may {
			if !slices.ContainsFunc(layers[:i], func(below layer) bool { return below.tree == tree }) {
				t.Errorf("%s may import %s, which does not stand before it", l.tree, tree)
			}
		}
	}
}

// TestEachLayerCanFail gives each layer an import of each layer that it may not import.
func TestEachLayerCanFail(t *testing.T) {
	for _, from := range layers {
		for _, to := range layers {
			g := graph{from.tree + "/x": {"context", to.tree + "/y"}}
			allowed := from.tree == to.tree || slices.Contains(from.may, to.tree)
			if complaints := checkLayers(g, layers); (len(complaints) == 0) != allowed {
				t.Errorf("%s imports %s, allowed: %t, complaints: %q", from.tree, to.tree, allowed, complaints)
			}
		}
	}
}

func TestAPackageOutsideAllLayersFails(t *testing.T) {
	for _, g := range []graph{
		{"./cmd/newcomer": nil},
		{"./cmd": nil},
		{".": nil},
		{"./client": {"./cmd/newcomer"}},
	} {
		if complaints := checkLayers(g, layers); len(complaints) != 1 {
			t.Errorf("%v: complaints %q", g, complaints)
		}
	}
}
