package plugin_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
)

func TestOneNameForTwoPluginsIsAnError(t *testing.T) {
	_, err := plugin.NewRegistry(define[struct{}]("a"), define[struct{}]("b"), define[span]("a"))
	if err == nil || !strings.HasPrefix(err.Error(), `two plugins are named "a": one is made by `) || !strings.HasSuffix(err.Error(), "; rename one") ||
		strings.Count(err.Error(), "main_test.go:") != 2 {
		t.Errorf("got %v, want an error that says where both are", err)
	}
}

func TestAllThatIsWrongWithAListIsToldAtOnce(t *testing.T) {
	_, err := plugin.NewRegistry(define[struct{}]("A"), define[struct{}]("b"), nil, define[struct{}]("b"))
	if err == nil || len(strings.Split(err.Error(), "\n")) != 3 {
		t.Errorf("got %v, want three errors", err)
	}
}

func TestUnknownPluginsAreToldApart(t *testing.T) {
	r := newRegistry(t, define[struct{}]("sleep"), define[struct{}]("exec"))
	for name, want := range map[string]string{
		"slep":                   `no plugin is named "slep"; did you mean "sleep"? known plugins: exec, sleep`,
		"Exec":                   `no plugin is named "Exec"; did you mean "exec"? known plugins: exec, sleep`,
		"http":                   `no plugin is named "http"; known plugins: exec, sleep`,
		"":                       `no plugin is named ""; known plugins: exec, sleep`,
		strings.Repeat("x", 100): `no plugin is named "` + strings.Repeat("x", 63) + `…; known plugins: exec, sleep`,
	} {
		_, err := r.Build(name, nil)
		var unknown *plugin.UnknownPluginError
		if !errors.As(err, &unknown) || err.Error() != want || unknown.Name != name || !slices.Equal(unknown.Known, []string{"exec", "sleep"}) {
			t.Errorf("%q: got %v, want %s", name, err, want)
		}
	}
}

func TestTheZeroRegistryIsEmpty(t *testing.T) {
	var r plugin.Registry
	if list := r.List(); len(list) != 0 {
		t.Errorf("listed: %v", list)
	}
	_, err := r.Build("exec", nil)
	if want := `no plugin is named "exec": there are no plugins`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := r.Only(nil, "off"); err != nil {
		t.Error(err)
	}
}

func TestListIsSortedAndBelongsToTheCaller(t *testing.T) {
	d := newMachine()
	d.Version = "1.2"
	r := newRegistry(t, d, define[struct{}]("a"))
	list := r.List()
	if len(list) != 2 || list[0].Name != "a" || list[1].Name != "machine" {
		t.Fatalf("listed: %+v", list)
	}
	info := list[1]
	if info.Description != "Does it." || info.Version != "1.2" || !info.Enabled || info.Reason != "" || string(info.Example) != `{"name":"mill"}` {
		t.Errorf("listed: %+v", info)
	}
	clear(info.Schema)
	clear(info.Example)
	list[0].Name = "x"
	if again := r.List(); again[0].Name != "a" || string(again[1].Example) != `{"name":"mill"}` || again[1].Schema[0] != '{' {
		t.Error("the registry has changed with what it returned")
	}
}

// A plugin that cannot be used is listed, with the reason; its example is checked as far as that goes.
func TestADisabledPluginIsListedAndNotBuilt(t *testing.T) {
	d := newMachine()
	d.Disabled = "there is no power; plug it in"
	d.Build = nil
	if _, err := plugin.NewRegistry(d); err == nil {
		t.Error("a disabled plugin without Build passes")
	}
	d = newMachine()
	d.Disabled = "there is no power; plug it in"
	r := newRegistry(t, d)
	_, err := r.Build("machine", object(t, `{"name":"a"}`))
	var disabled *plugin.DisabledError
	if !errors.As(err, &disabled) || disabled.Name != "machine" || err.Error() != `plugin "machine" is disabled: there is no power; plug it in` {
		t.Errorf("got %v", err)
	}
	if info := r.List()[0]; info.Enabled || info.Reason != "there is no power; plug it in" || len(info.Schema) == 0 {
		t.Errorf("listed: %+v", info)
	}
	d.Example = machine{Name: "too long"}
	if _, err := plugin.NewRegistry(d); err == nil {
		t.Error("a disabled plugin with a bad example passes")
	}
}

func TestOnly(t *testing.T) {
	off := define[struct{}]("off")
	off.Disabled = "its own reason"
	r := newRegistry(t, define[struct{}]("a"), define[struct{}]("b"), off)
	only, err := r.Only([]string{"a", "off", "a"}, "not chosen")
	if err != nil {
		t.Fatal(err)
	}
	reasons := func(r *plugin.Registry) (list []string) {
		for _, info := range r.List() {
			if info.Enabled != (info.Reason == "") {
				t.Errorf("enabled %t, reason %q", info.Enabled, info.Reason)
			}
			list = append(list, info.Name+": "+info.Reason)
		}
		return list
	}
	if got, want := reasons(only), []string{"a: ", "b: not chosen", "off: its own reason"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := reasons(r), []string{"a: ", "b: ", "off: its own reason"}; !slices.Equal(got, want) {
		t.Errorf("the first registry has become %q", got)
	}
	none, err := only.Only(nil, "all off")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := reasons(none), []string{"a: all off", "b: not chosen", "off: its own reason"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := r.Only(nil, ""); err == nil {
		t.Error("no reason, but no error")
	}
	_, err = r.Only([]string{"a", "x", "y"}, "not chosen")
	var unknown *plugin.UnknownPluginError
	if !errors.As(err, &unknown) || len(strings.Split(err.Error(), "\n")) != 2 {
		t.Errorf("got %v, want an error for each unknown name", err)
	}
}

func TestARegistryMayBeUsedByManyAtOnce(t *testing.T) {
	r := newRegistry(t, newMachine(), define[span]("span"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if _, err := r.Build("machine", map[string]any{"name": "a", "color": "red", "zone": "z"}); err != nil {
					t.Error(err)
				}
				if _, err := r.Build("span", map[string]any{"frm": 1}); err == nil {
					t.Error("accepted")
				}
				if len(r.List()) != 2 {
					t.Error("plugins are missing")
				}
			}
		})
	}
	all.Wait()
}
