package exec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/exec"
)

func registry(t *testing.T, allow ...string) *plugin.Registry {
	t.Helper()
	return registryOf(t, exec.Options{Allow: allow})
}

func registryOf(t *testing.T, o exec.Options) *plugin.Registry {
	t.Helper()
	p, err := exec.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := plugin.NewRegistry(p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNothingIsAllowedUntilOptionsAllowSaysSo(t *testing.T) {
	r := registry(t)
	_, err := r.Build("exec", map[string]any{"command": []string{"date"}})
	var disabled *plugin.DisabledError
	if !errors.As(err, &disabled) || !strings.Contains(disabled.Reason, "--exec-allow") {
		t.Errorf("got %v, want a DisabledError that names --exec-allow", err)
	}
	if info := r.List()[0]; info.Enabled || info.Reason == "" {
		t.Errorf("listed as %+v, want disabled with a reason", info)
	}
}

func TestGlobsAreComparedWithTheCommandAsWritten(t *testing.T) {
	for _, test := range []struct {
		glob    string
		allowed []string
		refused []string
	}{
		{"sh", []string{"sh"}, []string{"/bin/sh", "bash", "sh2", "SH"}},
		{"/bin/sh", []string{"/bin/sh"}, []string{"sh", "/usr/bin/sh", "/bin/shx", "/x/bin/sh"}},
		{"*", []string{"sh", "a.b-c", "x y"}, []string{"/bin/sh"}},
		{"git-*", []string{"git-log", "git-"}, []string{"git", "/git-log"}},
		{"p?", []string{"ps", "pé"}, []string{"p", "psx"}},
		{"/opt/*", []string{"/opt/a"}, []string{"/opt/a/b", "/opt", "opt"}},
		{"/opt/*/run", []string{"/opt/a/run"}, []string{"/opt/run", "/opt/a/b/run"}},
		{"/opt/**", []string{"/opt/a", "/opt/a/b/c"}, []string{"/opt", "/usr/opt/a", "a"}},
		{"/**", []string{"/bin/sh", "/x"}, []string{"sh"}},
		{"**", []string{"/bin/sh", "sh", "two\nlines"}, nil},
		{"a.c", []string{"a.c"}, []string{"abc"}},
		{"[ab]", []string{"[ab]"}, []string{"a"}},
	} {
		r := registry(t, test.glob)
		for _, command := range test.allowed {
			if _, err := r.Build("exec", map[string]any{"command": []string{command}}); err != nil {
				t.Errorf("glob %s: %v", test.glob, err)
			}
		}
		for _, command := range test.refused {
			_, err := r.Build("exec", map[string]any{"command": []string{command}})
			if err == nil || !strings.Contains(err.Error(), "is not allowed, only "+test.glob+"; ") {
				t.Errorf("glob %s, command %s: error %v, want that it is not allowed", test.glob, command, err)
			}
		}
	}
}

func TestGlobsThatMatchNothingAreErrors(t *testing.T) {
	for glob, want := range map[string]string{
		"":               `glob "" would match no command: it is no command; give a name or an absolute path`,
		"..":             `glob ".." would match no command: it is no command; give a name or an absolute path`,
		"bin/x":          `glob "bin/x" would match no command: it is a relative path; give a name without / or an absolute path`,
		"./x":            `glob "./x" would match no command: it is a relative path; give a name without / or an absolute path`,
		"/opt/../tmp/**": `glob "/opt/../tmp/**" would match no command: it is a path with detours; give "/tmp/**"`,
		"/opt/":          `glob "/opt/" would match no command: it is a path with detours; give "/opt"`,
	} {
		if _, err := exec.New(exec.Options{Allow: []string{"sh", glob}}); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", glob, err, want)
		}
	}
}

func TestEachViolationHasAPathAndARemedy(t *testing.T) {
	r := registry(t, "sh", "/opt/**")
	for name, test := range map[string]struct {
		config map[string]any
		want   []string
	}{
		"no command": {
			map[string]any{},
			[]string{"command: is missing; give an array of strings: the command and its arguments; " +
				"a name without / is looked up in the PATH of the daemon, a path must be absolute"},
		},
		"empty command": {
			map[string]any{"command": []any{}},
			[]string{"command: [] has 0 elements; give at least 1"},
		},
		"a string": {
			map[string]any{"command": "sh -c x"},
			[]string{`command: "sh -c x" is a string; give an array of strings, here ["sh -c x"]`},
		},
		"not allowed": {
			map[string]any{"command": []any{"bash"}},
			[]string{`command[0]: "bash" is not allowed, only sh, /opt/**; give one of these as written here, ` +
				`or start the daemon with --exec-allow "bash" too`},
		},
		"empty name": {
			map[string]any{"command": []any{""}},
			[]string{`command[0]: "" is no command; give a name or an absolute path`},
		},
		"relative path": {
			map[string]any{"command": []any{"./sh"}},
			[]string{`command[0]: "./sh" is a relative path; give a name without / or an absolute path`},
		},
		"way out of an allowed folder": {
			map[string]any{"command": []any{"/opt/../bin/sh"}},
			[]string{`command[0]: "/opt/../bin/sh" is a path with detours; give "/bin/sh"`},
		},
		"NUL everywhere": {
			map[string]any{"command": []any{"sh", "a\x00b"}, "dir": "/\x00", "env": map[string]any{"A": "\x00"}},
			[]string{
				`command[1]: "a\x00b" contains a NUL byte, which no argument can; remove it`,
				`dir: "/\x00" contains a NUL byte, which no path can; remove it`,
				`env.A: "\x00" contains a NUL byte, which no variable can; remove it`,
			},
		},
		"relative dir": {
			map[string]any{"command": []any{"sh"}, "dir": "tmp"},
			[]string{`dir: "tmp" is no absolute path; give one, beginning with /`},
		},
		"names of variables": {
			map[string]any{"command": []any{"sh"}, "env": map[string]any{"": "x", "A=B": "x", "LD_PRELOAD": "x", "DYLD_X": "x", "TASKVISOR_UID": "x"}},
			[]string{
				`env[""]: "" names no variable; give at least one character, without = and NUL`,
				`env["A=B"]: "A=B" names no variable; give at least one character, without = and NUL`,
				`env.DYLD_X: "DYLD_X" makes an allowed command run other code; leave it out, or set it in the environment of the daemon`,
				`env.LD_PRELOAD: "LD_PRELOAD" makes an allowed command run other code; leave it out, or set it in the environment of the daemon`,
				`env.TASKVISOR_UID: "TASKVISOR_UID" is set by the daemon; use a name that does not begin with TASKVISOR_`,
			},
		},
		"no user is allowed": {
			map[string]any{"command": []any{"sh"}, "user": "nobody"},
			[]string{`user: "nobody" is not allowed, no user is; leave it out to run the command as the user of the daemon, or start the daemon with --exec-user "nobody"`},
		},
		"no user": {
			map[string]any{"command": []any{"sh"}, "user": "a b"},
			[]string{`user: "a b" is neither USER nor USER:GROUP; give a name or a number, or both user and group, such as 1000:1000`},
		},
		"stop_grace": {
			map[string]any{"command": []any{"sh"}, "stop_grace": "-1s"},
			[]string{`stop_grace: "-1s" is not a duration; give numbers with units, such as "1.5s", "250ms" or "1h30m"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Build("exec", test.config)
			var ce *plugin.ConfigError
			if !errors.As(err, &ce) {
				t.Fatalf("got %v, want a ConfigError", err)
			}
			if len(ce.Violations) != len(test.want) {
				t.Fatalf("got %q, want %q", ce.Violations, test.want)
			}
			for i, want := range test.want {
				if got := ce.Violations[i].Path + ": " + ce.Violations[i].Problem; got != want {
					t.Errorf("violation %d:\n got %s\nwant %s", i, got, want)
				}
			}
		})
	}
}

// Users are compared as written: a number that stands for an allowed name is not allowed, and a group is not without being named.
func TestOnlyUsersThatOptionsAllowAreAccepted(t *testing.T) {
	r := registryOf(t, exec.Options{Allow: []string{"sh"}, Users: []string{"nobody", "1000:1000"}})
	for _, user := range []string{"root", "0", "65534", "nobody:root", "1000", "1000:1001", "Nobody"} {
		_, err := r.Build("exec", map[string]any{"command": []string{"sh"}, "user": user})
		want := `user: "` + user + `" is not allowed, only nobody, 1000:1000; give one of these as written here, or start the daemon with --exec-user "` + user + `" too`
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", user, err, want)
		}
	}
}

func TestUsersThatCanBeNobodyAreErrors(t *testing.T) {
	for user, want := range map[string]string{
		"":       `user "" is no user; give a name or a number, or both user and group, such as 1000:1000`,
		":1":     `user ":1" is no user; give a name or a number, or both user and group, such as 1000:1000`,
		"1:":     `user "1:" is no user; give a name or a number, or both user and group, such as 1000:1000`,
		"1:2:3":  `user "1:2:3" is neither USER nor USER:GROUP; give a name or a number, or both user and group, such as 1000:1000`,
		"*":      `user "*" is neither USER nor USER:GROUP; give a name or a number, or both user and group, such as 1000:1000`,
		"a\x00b": `user "a\x00b" is neither USER nor USER:GROUP; give a name or a number, or both user and group, such as 1000:1000`,
	} {
		if _, err := exec.New(exec.Options{Allow: []string{"sh"}, Users: []string{"nobody", user}}); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", user, err, want)
		}
	}
}

func TestALongListOfGlobsIsCutInErrors(t *testing.T) {
	_, err := registry(t, strings.Split("abcdefghijklmnopqrst", "")...).Build("exec", map[string]any{"command": []string{"sh"}})
	if err == nil || !strings.Contains(err.Error(), "only a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, and 4 more;") {
		t.Error(err)
	}
}

// The example of a plugin has to work, whatever is allowed: NewRegistry tries it.
func FuzzTheExampleIsAlwaysAllowed(f *testing.F) {
	for _, glob := range []string{"sh", "**", "/**", "**/x", "**x", "/opt/**/?", "??", "*.sh", "/a/*/b", "?*", "d*"} {
		f.Add(glob)
	}
	f.Fuzz(func(t *testing.T, glob string) {
		p, err := exec.New(exec.Options{Allow: []string{glob}})
		if err != nil || strings.ContainsRune(glob, 0) {
			return
		}
		if _, err := plugin.NewRegistry(p); err != nil {
			t.Error(err)
		}
	})
}
