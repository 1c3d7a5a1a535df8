package daemon

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	taskvisorv1 "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// declaration is the tasks of all tasks files, and what is wrong with those files.
type declaration struct {
	files []*yamlfile.File
	tasks []declaredTask
	names map[string]place // of the tasks
}

// declaredTask is one task and where it is declared.
type declaredTask struct {
	spec *taskvisorv1.TaskSpec
	file *yamlfile.File
	node *yamlfile.Node
	path string // "tasks[2]"
	read bool   // all of it could be read, so that the service may judge it
}

// place is a line of a file.
type place struct {
	file string
	line int
}

// problems returns all that was found to be wrong so far, in the order of files and lines.
func (d *declaration) problems() yamlfile.Problems {
	var all yamlfile.Problems
	for _, f := range d.files {
		all = append(all, f.Problems()...)
	}
	return all
}

// readTasks reads a tasks file, or all of those in a directory; no path stands for no tasks. Its error is about all files that cannot be read; what
// is in the others is among the problems.
func readTasks(c *config) (*declaration, error) {
	d := &declaration{names: map[string]place{}}
	if c.tasks == "" {
		return d, nil
	}
	names, err := taskFiles(c.tasks)
	if err != nil {
		return d, &usageError{[]string{fmt.Sprintf("%s: %v", c.origin("tasks"), err)}}
	}
	var unreadable []string
	for _, name := range names {
		data, err := readBounded(name)
		if err != nil {
			unreadable = append(unreadable, fmt.Sprintf("%s: %v", c.origin("tasks"), err))
			continue
		}
		d.add(name, data)
	}
	if unreadable != nil {
		return d, &usageError{unreadable}
	}
	return d, nil
}

// readBounded reads a file, and no more of it than shows that it is too long.
func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, yamlfile.MaxSize+1))
}

// taskFiles returns the names of the tasks files at path, sorted. In a directory that is each *.yaml, *.yml and *.json that is not hidden.
// The directory may be a volume that Kubernetes made of a ConfigMap, in which the names are symbolic links through ..data to a hidden
// directory that is exchanged as a whole.
func taskFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if name := filepath.Join(path, entry.Name()); isTasksFile(entry.Name()) {
			info, err := os.Stat(name) // behind a symbolic link, if it is one
			if err != nil {
				return nil, err
			}
			if !info.IsDir() {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

func isTasksFile(name string) bool {
	extension := strings.ToLower(filepath.Ext(name))
	return !strings.HasPrefix(name, ".") && slices.Contains([]string{".yaml", ".yml", ".json"}, extension)
}

// add reads one file. Each of its documents has a list under tasks; keys that begin with x- are for anchors, and mean nothing.
func (d *declaration) add(name string, data []byte) {
	f := yamlfile.Parse(name, data)
	d.files = append(d.files, f)
	for _, document := range f.Documents() {
		if why := misplaced(document); why != "" {
			f.Report(document, "", "%s", why)
			continue
		}
		for _, field := range f.Fields(document, "") {
			switch {
			case field.Name == "tasks":
				d.addList(name, f, field.Value)
			case !strings.HasPrefix(field.Name, "x-"):
				f.Report(field.Key, field.Name, "is no known key; a tasks file has tasks, and x-… for anchors")
			}
		}
	}
}

// misplaced recognises tasks that are written without the list under tasks.
func misplaced(document *yamlfile.Node) string {
	if yamlfile.IsList(document) {
		return "is a list; put it under the key tasks"
	}
	if yamlfile.Locate(document, "plugin") != yamlfile.Locate(document, "") {
		return "is a task; put it into a list under the key tasks"
	}
	return ""
}

func (d *declaration) addList(name string, f *yamlfile.File, list *yamlfile.Node) {
	if yamlfile.IsNull(list) {
		return // all tasks of the list are commented out
	}
	for i, node := range f.List(list, "tasks") {
		t := declaredTask{spec: &taskvisorv1.TaskSpec{}, file: f, node: node, path: yamlfile.Index("tasks", i)}
		before := f.Count()
		f.Message(node, t.path, t.spec)
		t.read = f.Count() == before
		d.checkName(&t, name)
		d.tasks = append(d.tasks, t)
	}
}

// checkName refuses tasks without a name, which AddTask allows: in a file, the name is what says which task it is when the file is
// read again.
func (d *declaration) checkName(t *declaredTask, file string) {
	path := yamlfile.Join(t.path, "name")
	if !yamlfile.IsMapping(t.node) {
		return
	}
	node := yamlfile.Locate(t.node, "name")
	if t.spec.GetName() == "" {
		if node == yamlfile.Locate(t.node, "") || yamlfile.IsNull(node) || node.Value == "" {
			t.file.Report(node, path, "is missing; a task in a file needs a name")
		}
		return
	}
	if first, twice := d.names[t.spec.GetName()]; twice {
		t.file.Report(node, path, "%q is the name of another task, %s:%d; choose another", t.spec.GetName(), first.file, first.line)
		return
	}
	d.names[t.spec.GetName()] = place{file, node.Line}
}

// err returns all that is wrong with the declaration, nil when nothing is.
func (d *declaration) err(c *config) error {
	var problems []string
	for _, p := range d.problems() {
		problems = append(problems, p.Error())
	}
	if problems == nil && len(d.tasks) > c.maxTasks {
		problems = append(problems, fmt.Sprintf("%s: %d tasks are declared, and %s allows %d; raise it, or declare fewer",
			c.origin("tasks"), len(d.tasks), c.origin("max-tasks"), c.maxTasks))
	}
	if problems == nil {
		return nil
	}
	return &usageError{problems}
}
