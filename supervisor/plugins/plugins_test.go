package plugins_test

import (
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
)

func TestTheBuiltInPlugins(t *testing.T) {
	for name, test := range map[string]struct {
		options plugins.Options
		want    string
	}{
		"by default":    {plugins.Options{}, "exec false, file true, http true, sleep true, tcp true"},
		"exec allowed":  {plugins.Options{Exec: exec.Options{Allow: []string{"sh"}}}, "exec true, file true, http true, sleep true, tcp true"},
		"exec in guard": {plugins.Options{Exec: exec.Options{Allow: []string{"sh"}, Guard: exec.NewGuard()}}, "exec true, file true, http true, sleep true, tcp true"},
	} {
		list, err := plugins.Default(test.options)
		if err != nil {
			t.Fatal(err)
		}
		r, err := plugin.NewRegistry(list...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, info := range r.List() {
			if info.Enabled {
				got = append(got, info.Name+" true")
			} else {
				got = append(got, info.Name+" false")
			}
		}
		if text := strings.Join(got, ", "); text != test.want {
			t.Errorf("%s: %s, want %s", name, text, test.want)
		}
	}
}

func TestABadOptionIsTold(t *testing.T) {
	_, err := plugins.Default(plugins.Options{Exec: exec.Options{Allow: []string{"a/b"}}})
	const want = `plugin exec: glob "a/b" would match no command: it is a relative path; give a name without / or an absolute path`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
