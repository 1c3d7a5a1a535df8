package bench

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestMistakesAreExplained(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"watch --watchers 0", `"0" is not a whole number from 1 to 100000`},
		{"watch --watchers 1,ten", `"ten" is not a whole number`},
		{"watch --watchers ,", `"" is not a whole number`},
		{"watch --variants blast,fast", `"fast" is not one of taskvisor, blast, naive`},
		{"watch --filters none", `"none" is not one of all, half`},
		{"watch --clients raw,", `"" is not one of raw, decode`},
		{"watch --window 0s", `"0s" is not a duration of more than 0s`},
		{"watch --warmup 2", `"2" is not a duration`},
		{"watch --count -1", `"-1" is not a whole number from 1 to 1000`},
		{"watch --event-buffer 16", `"16" is not a whole number from 1024`},
		{"watch --conns many", `"many" is not a whole number`},
		{"watch --processes 65", `"65" is not a whole number from 1 to 64`},
		{"watch --watcher 1", `unknown flag: --watcher`},
		{"watch now", `"now" is neither a flag nor a command`},
		{"wach", `"wach" is neither a flag nor a command; did you mean watch?`},
		{"watch --watchers 3000 --conns 1", `3000 watchers on 1 connections are 3000 for each, and the server allows 2000`},
		{"latency --rate 0", `"0" is not a whole number from 1 to 1000000`},
		{"latency --client none", `"none" is not one of raw, decode`},
		{"idle --shapes 100", `"100" is not STREAMS/CONNECTIONS`},
		{"idle --shapes 1/2", `"1/2" has more connections than streams`},
		{"idle --shapes 10/x", `"10/x" is not STREAMS/CONNECTIONS`},
		{"serve", `read the plan on standard input`},
		{"follow", `read the plan on standard input`},
	} {
		err := execute(t.Context(), append([]string{"bench"}, strings.Fields(tt.args)...), strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.args, err, tt.want)
		}
	}
}

func TestTooManyConnectionsAreAMistake(t *testing.T) {
	if openFiles() == 0 {
		t.Skip("this system does not tell how many files may be open")
	}
	n := int(min(openFiles(), 1<<40))
	var usage *usageError
	if err := checkConns(n, n); !errors.As(err, &usage) || !usage.Usage() || !strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("%d connections: %v", n, err)
	}
	if err := checkConns(n-spareFiles, n-spareFiles); err != nil {
		t.Error(err)
	}
}

func TestHelpNamesEachFlagAndItsDefault(t *testing.T) {
	for verb, words := range map[string][]string{
		"watch":   {"--watchers", "(default 1,10,100,1000)", "--conns", "--filters", "(default all,half)", "--count", "(default 5)", "(default 2s)", "--json"},
		"latency": {"--rate", "(default 2000)", "--watchers", "(default 100)", "--client", "(default raw)"},
		"idle":    {"--shapes", "(default 10000/100,1000/1000)", "ulimit -Hn"},
	} {
		var out bytes.Buffer
		if err := execute(t.Context(), []string{"bench", verb, "--help"}, nil, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if !strings.Contains(out.String(), word) {
				t.Errorf("the help of %s does not say %q:\n%s", verb, word, &out)
			}
		}
	}
}

func TestTrials(t *testing.T) {
	o := watchOptions{watchers: []int{1, 2}, variants: variants(), filters: []string{allFilter, halfFilter}, clients: []string{rawClient}}
	var got []string
	for _, trial := range o.trials() {
		got = append(got, trial.String())
	}
	want := []string{
		"1 watchers, all events, raw client, taskvisor", "1 watchers, all events, raw client, blast", "1 watchers, all events, raw client, naive",
		"1 watchers, half events, raw client, taskvisor", "1 watchers, half events, raw client, naive",
		"2 watchers, all events, raw client, taskvisor", "2 watchers, all events, raw client, blast", "2 watchers, all events, raw client, naive",
		"2 watchers, half events, raw client, taskvisor", "2 watchers, half events, raw client, naive",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		n, among int
		want     []int
	}{
		{10, 1, []int{10}}, {10, 3, []int{4, 3, 3}}, {1, 3, []int{1, 1, 1}},
	} {
		for i, want := range tt.want {
			if got := share(tt.n, tt.among, i); got != want {
				t.Errorf("%d among %d: the one with number %d gets %d, want %d", tt.n, tt.among, i, got, want)
			}
		}
	}
}
