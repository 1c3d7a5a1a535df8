package yamlfile_test

import (
	"fmt"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// All that is wrong with a file is told at once, with the line and the field.
func Example() {
	f := yamlfile.Parse("task.yaml", []byte("name: tick\nplugin: exec\nrestart: {mode: always}\ntimeout: soon\n"))
	for _, document := range f.Documents() {
		f.Message(document, "", &pb.TaskSpec{})
	}
	fmt.Println(f.Problems())
	// Output:
	// task.yaml:3: restart.mode: wants RESTART_MODE_ALWAYS, not "always"
	// task.yaml:4: timeout: wants a duration such as 250ms, 1.5s or 5m, not "soon"
}
