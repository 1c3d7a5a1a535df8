package top

import "strings"

// helpText has keys in front of two blanks, and what they do behind them; a line without is a title or a sentence.
const helpText = `
Keys
↑ ↓ j k  select a task
PgUp PgDn Home End  the same, by leaps; also b f g G
⏎  inspect: what taskvisor get says of the task, live
d Del  stop the task and remove it, after a question
/  filter by words in names, as you type; by globs, uids or labels (app=web, or -l SELECTOR) as taskvisor ls does
esc  no filter, or back
s S  sort by trouble, name, restarts, next attempt, age
p  pause the events, or go on
Ctrl-L Ctrl-Z  draw all anew; leave for the shell, fg comes back
q Ctrl-C  quit

Columns
NEXT  time until the next attempt
RESTARTS  attempts begun again, a bar for ten seconds, now at the right; each step up means twice as many: ▁ 1, ▂ 2, ▃ 4 … █ 128
FAILS  failures in a row
NOTE  reason of the last failure; of one that waits, for which slot

Sorted by trouble, tasks that are stuck come first, then those that fail, stop, and wait. Events are the last 1,000 at most.`

// keyWidth is as wide as the names of keys are.
const keyWidth = 20

func (m *model) help() (lines []string) {
	for text := range strings.Lines(helpText) {
		text = strings.TrimRight(text, "\n")
		key, what, found := strings.Cut(text, "  ")
		switch {
		case text == "":
			lines = append(lines, "")
		case !found && !strings.Contains(text, " "):
			lines = append(lines, m.paragraph(strong, text)...)
		case !found:
			lines = append(lines, m.paragraph(plain, text)...)
		default:
			lines = append(lines, m.helpLine(key, what)...)
		}
	}
	return lines
}

func (m *model) helpLine(key, what string) (lines []string) {
	for _, wrapped := range wrap(what, min(max(m.width-keyWidth-2, 1), readable)) {
		l := line{palette: &m.palette, left: m.width}
		l.skip(1)
		l.put(accent, key, keyWidth, false)
		l.say(plain, wrapped)
		lines = append(lines, l.end())
		key = ""
	}
	return lines
}
