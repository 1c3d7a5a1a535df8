//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// instruction is one of a Dockerfile.
type instruction struct {
	name    string   // in capitals
	options []string // --name=value
	text    string   // the rest
}

// readDockerfile returns the instructions of a Dockerfile.
func readDockerfile(text string) (list []instruction) {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	for line := range strings.Lines(strings.ReplaceAll(strings.Join(lines, "\n"), "\\\n", "")) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		i := instruction{name: strings.ToUpper(name), text: strings.TrimSpace(rest)}
		for strings.HasPrefix(i.text, "--") {
			option, rest, _ := strings.Cut(i.text, " ")
			i.options, i.text = append(i.options, option), strings.TrimSpace(rest)
		}
		list = append(list, i)
	}
	return list
}

// imageConfig is what an image says about the containers that are made of it.
type imageConfig struct {
	User        string
	Entrypoint  []string
	Healthcheck []string
	Labels      map[string]string
}

// imageWorld is where the instructions that do something do it. Files are named by their paths in the stage.
type imageWorld interface {
	begin(image string) error                                  // a stage
	copyContext(to string) error                               // the whole of it
	copyStage(from, source, target string) error               // one file
	run(dir, script string, variables map[string]string) error // with a shell
}

// builder carries out a Dockerfile.
type builder struct {
	world  imageWorld
	config imageConfig
	args   map[string]string // that were given
	known  map[string]string // arguments of the stage
	dir    string
}

// build carries out the instructions and returns what the last stage says.
func build(list []instruction, world imageWorld, args map[string]string) (imageConfig, error) {
	b := &builder{world: world, args: args}
	for _, i := range list {
		if err := b.do(i); err != nil {
			return imageConfig{}, fmt.Errorf("%s %s: %w", i.name, i.text, err)
		}
	}
	return b.config, nil
}

func (b *builder) do(i instruction) (err error) {
	if i.name != "FROM" && i.name != "RUN" { // there it is the shell that does so
		i.text = os.Expand(i.text, func(name string) string { return b.known[name] })
	}
	switch i.name {
	case "FROM":
		image, _, _ := strings.Cut(i.text, " ")
		b.config, b.known, b.dir = imageConfig{Labels: map[string]string{}}, map[string]string{}, "/"
		return b.world.begin(image)
	case "ARG":
		b.known[i.text] = b.args[i.text]
	case "WORKDIR":
		b.dir = i.text
	case "COPY":
		return b.copy(i)
	case "RUN":
		return b.world.run(b.dir, i.text, b.known)
	case "LABEL":
		for _, m := range regexp.MustCompile(`(\S+)="([^"]*)"`).FindAllStringSubmatch(i.text, -1) {
			b.config.Labels[m[1]] = m[2]
		}
	case "USER":
		b.config.User = i.text
	case "ENTRYPOINT":
		return json.Unmarshal([]byte(i.text), &b.config.Entrypoint)
	case "HEALTHCHECK":
		return json.Unmarshal([]byte(strings.TrimPrefix(i.text, "CMD")), &b.config.Healthcheck)
	default:
		err = fmt.Errorf("this test does not know the instruction; teach it")
	}
	return err
}

func (b *builder) copy(i instruction) error {
	words := strings.Fields(i.text)
	switch {
	case len(i.options) == 0 && slices.Equal(words, []string{".", "."}):
		return b.world.copyContext(b.dir)
	case len(i.options) == 1 && strings.HasPrefix(i.options[0], "--from=") && len(words) == 2 && path.IsAbs(words[1]):
		return b.world.copyStage(strings.TrimPrefix(i.options[0], "--from="), words[0], words[1])
	default:
		return fmt.Errorf("this test does not know this kind of copy; teach it")
	}
}

// ignored tells for the path of a file whether the lines of a .dockerignore leave it out. The last line that matches decides.
func ignored(lines []string) func(path string) bool {
	type rule struct {
		pattern *regexp.Regexp
		ignore  bool
	}
	var rules []rule
	for _, line := range lines {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		glob, keep := strings.CutPrefix(line, "!")
		text := regexp.QuoteMeta(glob)
		text = strings.NewReplacer(`\*\*/`, `(.*/)?`, `\*`, `[^/]*`).Replace(text)
		rules = append(rules, rule{regexp.MustCompile(`^` + text + `(/.*)?$`), !keep})
	}
	return func(path string) (ignore bool) {
		for _, r := range rules {
			if r.pattern.MatchString(path) {
				ignore = r.ignore
			}
		}
		return ignore
	}
}

// paperWorld only notes what would be done.
type paperWorld []string

func (w *paperWorld) note(format string, args ...any) error {
	*w = append(*w, fmt.Sprintf(format, args...))
	return nil
}

func (w *paperWorld) begin(image string) error    { return w.note("begin %s", image) }
func (w *paperWorld) copyContext(to string) error { return w.note("context to %s", to) }
func (w *paperWorld) copyStage(from, source, target string) error {
	return w.note("%s of %s to %s", source, from, target)
}

func (w *paperWorld) run(dir, script string, variables map[string]string) error {
	return w.note("run in %s, VERSION=%s: %s", dir, variables["VERSION"], script)
}

func TestDockerfilesAreUnderstood(t *testing.T) {
	const text = `# comment
FROM --platform=$BUILDPLATFORM golang:1 AS build
ARG VERSION
WORKDIR /w
COPY . .
RUN --mount=type=cache,target=/x \
    # comment
    A="$VERSION" b \
    c
FROM scratch
ARG VERSION
LABEL a="b c" \
      v="$VERSION"
COPY --from=build /w/a /a
USER 1:2
ENTRYPOINT ["/a"]
HEALTHCHECK --timeout=1s CMD ["/a", "b"]
`
	var world paperWorld
	config, err := build(readDockerfile(text), &world, map[string]string{"VERSION": "v1"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"begin golang:1", "context to /w", `run in /w, VERSION=v1: A="$VERSION" b c`, "begin scratch", "/w/a of build to /a"}
	if !slices.Equal(world, want) {
		t.Errorf("got  %q\nwant %q", world, want)
	}
	if got := fmt.Sprint(config); got != "{1:2 [/a] [/a b] map[a:b c v:v1]}" {
		t.Error(got)
	}
	for _, wrong := range []string{"ONBUILD RUN x", "COPY a b", "COPY --from=build a b", "COPY --chown=1 . .", "ENTRYPOINT /a"} {
		if _, err := build(readDockerfile("FROM scratch\n"+wrong), &world, nil); err == nil {
			t.Errorf("%s is accepted", wrong)
		}
	}
}

func TestDockerignoresAreUnderstood(t *testing.T) {
	ignore := ignored([]string{"# all", "*", "!go.mod", "!a/b", "**/*_test.go", "a/b/c"})
	for path, want := range map[string]bool{
		"x": true, "x/y": true, "go.mod": false, "go.mod.x": true, "a/x": true, "a/b/x": false, "a/b/x_test.go": true, "x_test.go": true, "a/b/c/d": true, "a/b/cd": false,
	} {
		if got := ignore(path); got != want {
			t.Errorf("%s: ignored %t, want %t", path, got, want)
		}
	}
}

// The image is built with the Go that the module asks for, which is the one that all tests are for.
func TestTheDockerfileHasTheGoOfTheModule(t *testing.T) {
	texts := map[string]string{}
	for _, name := range []string{"go.mod", "cmd/taskvisord/Dockerfile"} {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	module := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(texts["go.mod"])
	var world paperWorld
	if _, err := build(readDockerfile(texts["cmd/taskvisord/Dockerfile"]), &world, nil); err != nil {
		t.Fatal(err)
	}
	if want := "begin golang:" + module[1]; world[0] != want {
		t.Errorf("%s, want %s", world[0], want)
	}
}
