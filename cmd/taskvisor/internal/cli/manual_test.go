package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// pages are the commands that have a manual: the program itself, and each verb.
func pages() (all []string) {
	all = append(all, "")
	for _, verb := range newApp(Process{}).verbs() {
		all = append(all, verb.Name())
	}
	return all
}

// TestHelp keeps the pages of help under the eye of whoever changes them.
func TestHelp(t *testing.T) {
	for _, verb := range pages() {
		t.Run(firstOf(verb, programName), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.at80And120(strings.Fields(verb + " --help")...)
			})
		})
	}
}

// TestHelpFits has all pages in many widths: no line but those of examples, and words that are longer, is wider than the terminal.
func TestHelpFits(t *testing.T) {
	for _, columns := range []int{60, 80, 100} {
		for _, verb := range pages() {
			var page bytes.Buffer
			Run(t.Context(), Process{Args: strings.Fields(verb + " --help"), Environ: []string{fmt.Sprintf("COLUMNS=%d", columns)}, Stdout: &page})
			text, _, _ := strings.Cut(page.String(), "\nEXAMPLES\n")
			for line := range strings.Lines(text) {
				if n := utf8.RuneCountInString(strings.TrimSpace(line)); n > columns {
					t.Errorf("%d columns: %s --help: %d characters: %s", columns, verb, n, line)
				}
			}
		}
	}
}

// TestEveryPageHasAllSections: "NAME, what it does, examples, exit codes, environment".
func TestEveryPageHasAllSections(t *testing.T) {
	a := newApp(Process{})
	for _, cmd := range append([]*cobra.Command{root(a, nil)}, root(a, nil).Commands()...) {
		if cmd.Long == "" || cmd.Example == "" || len(a.exits[cmd]) == 0 && cmd.Name() != "completion" {
			t.Errorf("%s: no text, no example, or no exit codes", cmd.CommandPath())
		}
	}
}

func TestHelpOfAVerb(t *testing.T) {
	for args, want := range map[string]string{
		"help ls": "NAME\n  taskvisor ls", "help help": "NAME\n  taskvisor help", "help": "NAME\n  taskvisor - ",
		"help lss": `"lss" is neither a flag nor a command; did you mean ls or logs?`, "help ls now": `"now" is neither`,
		"__complete help ver": "version\t", "__complete help ls ": ":4",
	} {
		var all bytes.Buffer
		code := Run(t.Context(), Process{Args: strings.Split(args, " "), Stdout: &all, Stderr: &all})
		if (code == ExitUsage) != strings.Contains(want, "neither") || !strings.Contains(all.String(), want) {
			t.Errorf("%s: code %d, %s", args, code, &all)
		}
	}
}

func TestProse(t *testing.T) {
	p := page{width: 24}
	text := `One line that is long,
and goes on.

  A    term that is long too
       and goes on
  B C  the next
Behind it, a paragraph.

  as it is, however long it may be
`
	want := `  One line that is long,
  and goes on.

    A    term that is
         long too and
         goes on
    B C  the next
  Behind it, a
  paragraph.

    as it is, however long it may be
`
	if got := strings.TrimRight(p.prose(text), "\n") + "\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
