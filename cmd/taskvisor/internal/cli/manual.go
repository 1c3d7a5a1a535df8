package cli

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// manual prints the help of a command as a page of a manual, in lines that fit the terminal. It takes the place of the help of cobra.
func (a *app) manual(cmd *cobra.Command, _ []string) {
	p := page{app: a, width: a.textWidth()}
	p.section("NAME", p.prose(nameLine(cmd)))
	p.section("SYNOPSIS", p.prose(cmd.UseLine()))
	p.section("DESCRIPTION", p.prose(firstOf(cmd.Long, cmd.Short)))
	p.section("COMMANDS", p.list(commandList(cmd)))
	p.section("FLAGS", cmd.LocalFlags().FlagUsagesWrapped(p.width))
	codes, asks := a.exits[cmd]
	if asks { // else these flags are refused
		p.section("GLOBAL FLAGS", cmd.InheritedFlags().FlagUsagesWrapped(p.width))
	}
	p.section("EXAMPLES", cmd.Example)
	if asks {
		p.section("EXIT CODES", p.list(exitList(codes)))
		p.section("ENVIRONMENT", p.list(environmentList()))
	}
	_, _ = p.text.WriteTo(a.stdout) // nobody is there to be told
}

// helpVerb replaces that of cobra, which answers a name that it does not know with the page of the program and the exit code of success.
func helpVerb() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]...", Short: "Print the manual of a command", Hidden: true, // since --help does the same
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err == nil {
				err = noArguments(of, rest)
			}
			if err != nil {
				return err
			}
			return of.Help()
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) (names []string, _ cobra.ShellCompDirective) {
			of, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			for _, sub := range of.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// page is a page of help that is being written.
type page struct {
	app   *app
	width int
	text  bytes.Buffer
}

// section adds a section, unless it is empty.
func (p *page) section(title, text string) {
	text = strings.Trim(text, "\n")
	if text == "" {
		return
	}
	if p.text.Len() > 0 {
		p.text.WriteByte('\n')
	}
	fmt.Fprintf(&p.text, "%s\n%s\n", p.app.style.paint(bold, title), text)
}

// sectionIndent is in front of each line of a section.
const sectionIndent = "  "

// definition is a line that begins with a term: after two blanks, and with two or more between it and what it means.
var definition = regexp.MustCompile(`^  (\S+(?: \S+)*)(  +)(\S.*)$`)

// list wraps lines that each have a term and what it means.
func (p *page) list(text string) string { return (&writer{width: p.width}).write(text) }

// prose wraps text: paragraphs, which empty lines part; lists of terms, whose lines begin with two blanks, and go on where a line begins with more
// of them; and lines that begin with blanks and are no terms, which stay as they are.
func (p *page) prose(text string) string {
	return (&writer{width: p.width, indent: sectionIndent}).write(text)
}

// writer wraps text. It joins lines until it knows that what they say is over.
type writer struct {
	width  int
	indent string // of terms, in addition to their own
	b      strings.Builder

	text        string // joined so far
	first, rest string // what is in front of its first line, and of the others
	inTerm      bool
}

func (w *writer) write(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		w.add(line)
	}
	w.begin("", sectionIndent, sectionIndent)
	return w.b.String()
}

func (w *writer) add(line string) {
	term := definition.FindStringSubmatch(line)
	isIndented := strings.HasPrefix(line, " ")
	switch {
	case line == "":
		w.begin("", sectionIndent, sectionIndent)
		w.b.WriteByte('\n')
	case term != nil:
		first := w.indent + "  " + term[1] + term[2]
		w.begin(term[3], first, strings.Repeat(" ", utf8.RuneCountInString(first)))
		w.inTerm = true
	case isIndented && !w.inTerm:
		w.begin("", sectionIndent, sectionIndent)
		w.b.WriteString(sectionIndent + line + "\n")
	case w.text == "" || !isIndented && w.inTerm:
		w.begin(line, sectionIndent, sectionIndent)
	default:
		w.text += " " + strings.TrimSpace(line)
	}
}

// begin writes what was joined, and begins with something else.
func (w *writer) begin(text, first, rest string) {
	if w.text != "" {
		w.b.WriteString(hanging(w.text, w.width, w.first, w.rest))
	}
	w.text, w.first, w.rest, w.inTerm = text, first, rest, false
}

// nameLine is what a manual has under NAME.
func nameLine(cmd *cobra.Command) string {
	names := cmd.CommandPath()
	for _, alias := range cmd.Aliases {
		names += ", " + alias
	}
	first, size := utf8.DecodeRuneInString(cmd.Short)
	return fmt.Sprintf("%s - %c%s", names, unicode.ToLower(first), cmd.Short[size:])
}

// commandList lists the verbs below a command.
func commandList(cmd *cobra.Command) string {
	var b strings.Builder
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			fmt.Fprintf(&b, "  %-*s  %s\n", cmd.NamePadding(), sub.Name(), sub.Short)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("%s\n%s --help explains each.", b.String(), cmd.CommandPath()+" COMMAND")
}

// environmentList lists the variables that count for all verbs.
func environmentList() string {
	var b strings.Builder
	for _, s := range table() {
		fmt.Fprintf(&b, "  %-*s  instead of --%s\n", environmentPad, s.env(), s.name)
	}
	for _, v := range [][2]string{
		{"COLUMNS", "how wide lines are, instead of as wide as the terminal"},
		{"NO_COLOR", "if it is not empty, nothing is coloured"},
		{"XDG_CONFIG_HOME", "folder of taskvisor/config.yaml, instead of ~/.config"},
	} {
		fmt.Fprintf(&b, "  %-*s  %s\n", environmentPad, v[0], v[1])
	}
	return b.String()
}

// environmentPad is as wide as the names of variables are.
const environmentPad = len(envPrefix + "TLS_SERVER_NAME")
