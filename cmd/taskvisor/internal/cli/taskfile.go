package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// declared is one task in a file.
type declared struct {
	spec *pb.TaskSpec
	file *yamlfile.File
	name string // of the file
	node *yamlfile.Node
	path string // "tasks[2]"; empty: the document
}

// place is where the task stands: "tasks.yaml:7".
func (d *declared) place() string { return fmt.Sprintf("%s:%d", d.name, d.node.Line) }

// standardInput is how files name it, and messages.
const standardInput = "-"

// readTasks returns the tasks of all files, or all that is wrong with these.
func (a *app) readTasks(names []string) (all []declared, err error) {
	var problems yamlfile.Problems
	for _, name := range names {
		data, err := a.readFile(name)
		if err != nil {
			return nil, setupError{err}
		}
		if name == standardInput {
			name = "standard input"
		}
		f := yamlfile.Parse(name, data)
		all = append(all, tasksOf(f, name)...)
		problems = append(problems, f.Problems()...)
	}
	switch {
	case problems != nil:
		return nil, fmt.Errorf("nothing was done:\n%w", problems)
	case len(all) == 0:
		return nil, usagef("there is no task in %s", strings.ReplaceAll(strings.Join(names, ", "), standardInput, "standard input"))
	}
	return all, nil
}

// readFile reads no more than shows that it is too long.
func (a *app) readFile(name string) ([]byte, error) {
	from := a.process.Stdin
	if name != standardInput {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	if from == nil {
		return nil, nil
	}
	return io.ReadAll(io.LimitReader(from, yamlfile.MaxSize+1))
}

// tasksOf returns the tasks of all documents of a file.
func tasksOf(f *yamlfile.File, name string) (all []declared) {
	add := func(node *yamlfile.Node, path string) {
		spec := &pb.TaskSpec{}
		f.Message(node, path, spec)
		all = append(all, declared{spec, f, name, node, path})
	}
	for _, document := range f.Documents() {
		if !hasList(document) {
			add(document, "")
			continue
		}
		for _, field := range f.Fields(document, "") {
			switch {
			case field.Name == "tasks" && !yamlfile.IsNull(field.Value): // null: all of them are commented out
				for i, node := range f.List(field.Value, "tasks") {
					add(node, yamlfile.Index("tasks", i))
				}
			case field.Name != "tasks" && !strings.HasPrefix(field.Name, "x-"): // those are for anchors
				f.Report(field.Key, field.Name, "is no known key; beside tasks there may be x-… for anchors")
			}
		}
	}
	return all
}

// hasList reports whether the document has its tasks in a list.
func hasList(document *yamlfile.Node) bool {
	return yamlfile.Locate(document, "tasks") != yamlfile.Locate(document, "")
}

// report makes what the server objects to problems of the lines in question. It returns false if there is no line to blame.
func (d *declared) report(err error) bool {
	list := client.Violations(err)
	reason := client.Reason(err)
	unknown := reason == pb.ErrorReason_ERROR_REASON_UNKNOWN_PLUGIN || reason == pb.ErrorReason_ERROR_REASON_PLUGIN_DISABLED
	if len(list) == 0 && unknown {
		list = []client.Violation{{Field: "task.plugin", Description: sentence(statusOf(err))}}
	}
	for _, v := range list {
		field := strings.TrimPrefix(strings.TrimPrefix(v.Field, "task"), ".")
		path := d.path
		switch {
		case path == "" || strings.HasPrefix(field, "["):
			path += field
		case field != "":
			path += "." + field
		}
		d.file.Report(yamlfile.Locate(d.node, field), path, "%s", v.Description)
	}
	return len(list) > 0
}

// problemsOf returns the problems of the files of all tasks.
func problemsOf(tasks []newTask) error {
	var all yamlfile.Problems
	seen := map[*yamlfile.File]bool{}
	for _, t := range tasks {
		if t.source != nil && !seen[t.source.file] {
			seen[t.source.file] = true
			all = append(all, t.source.file.Problems()...)
		}
	}
	return fmt.Errorf("the server refuses this, nothing was done:\n%w", all)
}
