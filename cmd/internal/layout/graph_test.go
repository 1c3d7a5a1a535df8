package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/taskvisor/taskvisor"

// root of the repository, as seen from this package.
const root = "../../.."

// graph has the imports of each package, without those of its tests. Packages of this module are named by their folder, as the go command
// has it, "./server/daemon"; all others by their import path.
type graph map[string][]string

// loadGraph asks the go command for this module and all that it needs. It reads only what is on the machine.
func loadGraph(t *testing.T) graph {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	g, err := decodeGraph(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func decodeGraph(r io.Reader) (graph, error) {
	g := graph{}
	for dec := json.NewDecoder(r); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return g, nil
		case err != nil:
			return nil, err
		}
		for i := range p.Imports {
			p.Imports[i] = short(p.Imports[i])
		}
		g[short(p.ImportPath)] = p.Imports
	}
}

// short names a package of this module by its folder.
func short(path string) string {
	if !within(path, module) {
		return path
	}
	return "." + strings.TrimPrefix(path, module)
}

// within returns the packages of a tree, sorted.
func (g graph) within(tree string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(g)), func(path string) bool { return !within(path, tree) })
}

// chain returns the shortest chain of imports that leads from a package to one that is wanted; nil when none does.
func (g graph) chain(from string, wanted func(path string) bool) []string {
	cameFrom := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, next := range g[queue[0]] {
			if _, seen := cameFrom[next]; seen {
				continue
			}
			cameFrom[next] = queue[0]
			if wanted(next) {
				return unwind(cameFrom, next)
			}
			queue = append(queue, next)
		}
	}
	return nil
}

func unwind(cameFrom map[string]string, path string) (chain []string) {
	for ; path != ""; path = cameFrom[path] {
		chain = append(chain, path)
	}
	slices.Reverse(chain)
	return chain
}

// within reports whether path is tree or lies below it.
func within(path, tree string) bool {
	return path == tree || strings.HasPrefix(path, tree+"/")
}

func TestDecodeGraph(t *testing.T) {
	g, err := decodeGraph(strings.NewReader(
		`{"ImportPath": "` + module + `/client", "Imports": ["context", "` + module + `/gen/taskvisor/v1"]} {"ImportPath": "context"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := g["./client"]; !slices.Equal(got, []string{"context", "./gen/taskvisor/v1"}) || len(g) != 2 {
		t.Errorf("got %v", g)
	}
}

func TestChainIsTheShortest(t *testing.T) {
	g := graph{"a": {"b", "c"}, "b": {"c", "a"}, "c": {"d"}, "d": {"target/x"}}
	wanted := func(path string) bool { return within(path, "target") }
	if got := g.chain("a", wanted); !slices.Equal(got, []string{"a", "c", "d", "target/x"}) {
		t.Errorf("got %q", got)
	}
	delete(g, "d")
	if got := g.chain("a", wanted); got != nil {
		t.Errorf("got %q where nothing leads", got)
	}
}
