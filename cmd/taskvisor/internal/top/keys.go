package top

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// press takes a key, by its name, and the text that it types.
func (m *model) press(key, text string) tea.Cmd {
	switch key {
	case "ctrl+c":
		return tea.Quit
	case "ctrl+z":
		return tea.Suspend
	case "ctrl+l":
		return tea.ClearScreen
	}
	switch m.prompt {
	case promptFilter:
		return m.pressInFilter(key, text)
	case promptRemove:
		return m.pressInRemove(key)
	case promptNone:
	}
	if m.notice.mood == Bad || m.removes == 0 && m.notice.until.IsZero() {
		m.notice = notice{} // it has been read
	}
	if m.pressAnywhere(key) {
		return nil
	}
	switch m.screen {
	case screenList:
		return m.pressInList(key)
	case screenTask, screenHelp:
		m.pressInText(key)
	}
	return nil
}

// pressAnywhere takes the keys that mean the same on all screens, and reports whether this is one.
func (m *model) pressAnywhere(key string) bool {
	switch key {
	case "p":
		m.tail.pause()
	case "?", "h", "f1":
		m.screen = pick(m.screen == screenHelp, screenList, screenHelp)
		m.task = inspection{}
	case "d", "delete":
		m.askRemove()
	default:
		return false
	}
	return true
}

func (m *model) pressInList(key string) tea.Cmd {
	switch key {
	case "q":
		return tea.Quit
	case "esc":
		return m.apply(filter{})
	case "enter":
		return m.inspect()
	case "/":
		m.prompt, m.input, m.notice = promptFilter, m.filter.text, notice{}
	case "s":
		m.sort(1)
	case "S":
		m.sort(int(orders) - 1)
	default:
		if by := m.step(key, m.layout().rows); by != 0 {
			m.rows.choose(by)
		}
	}
	return nil
}

// pressInText takes keys for the screens that can only be read.
func (m *model) pressInText(key string) {
	switch key {
	case "q", "esc", "enter", "left", "backspace":
		m.screen, m.task = screenList, inspection{}
		return
	}
	m.task.offset = max(min(m.task.offset+m.step(key, m.layout().body()), m.task.lines-m.layout().body()), 0)
}

// step returns by how many lines a key moves where n are visible.
func (m *model) step(key string, n int) int {
	const far = 1 << 30 // more than there are tasks
	switch key {
	case "up", "k", "ctrl+p":
		return -1
	case "down", "j", "ctrl+n":
		return 1
	case "pgup", "ctrl+b", "b":
		return -max(n-1, 1)
	case "pgdown", "ctrl+f", "space", "f":
		return max(n-1, 1)
	case "home", "g":
		return -far
	case "end", "G":
		return far
	}
	return 0
}

func (m *model) sort(by int) {
	m.rows.order = (m.rows.order + order(by)) % orders
	m.rows.arrange(&m.filter, m.now)
}

// askRemove asks whether the task that is looked at, or selected, is to be removed.
func (m *model) askRemove() {
	t := m.rows.selected
	if m.screen == screenTask {
		t = pick(m.task.gone, nil, m.task.task)
	}
	if t == nil || m.screen == screenHelp {
		m.tell(Warn, "there is no task to remove here")
		return
	}
	m.prompt, m.doomed = promptRemove, t
}

// pressInRemove takes the answer. All but y is a no: what is done cannot be undone.
func (m *model) pressInRemove(key string) tea.Cmd {
	m.prompt = promptNone
	if key == "y" || key == "Y" {
		return m.remove()
	}
	m.tell(Neutral, m.doomed.GetName()+" stays")
	m.doomed = nil
	return nil
}

// maxInput is how many bytes a filter may have.
const maxInput = 1024

// pressInFilter takes what is typed into the filter. Words are looked for as they are typed, all else when it is complete.
func (m *model) pressInFilter(key, text string) tea.Cmd {
	switch key {
	case "enter":
		return m.enterFilter()
	case "esc":
		m.prompt, m.notice = promptNone, notice{}
		m.rows.arrange(&m.filter, m.now)
		return nil
	case "backspace", "ctrl+h":
		_, n := utf8.DecodeLastRuneInString(m.input)
		m.input = m.input[:len(m.input)-n]
	case "ctrl+u":
		m.input = ""
	case "ctrl+w":
		trimmed := strings.TrimRight(m.input, " ")
		m.input = trimmed[:strings.LastIndexByte(trimmed, ' ')+1]
	default:
		m.input += text
	}
	m.preview()
	return nil
}

// paste takes text from elsewhere.
func (m *model) paste(text string) {
	if m.prompt == promptFilter {
		m.input += strings.Join(strings.Fields(text), " ")
		m.preview()
	}
}

func (m *model) preview() {
	for len(m.input) > maxInput {
		_, n := utf8.DecodeLastRuneInString(m.input)
		m.input = m.input[:len(m.input)-n]
	}
	m.rows.arrange(m.shownFilter(), m.now)
}

// shownFilter is the one that is being typed, as far as that can be told already.
func (m *model) shownFilter() *filter {
	if m.prompt == promptFilter && m.filter.asked == nil && isWords(m.input) {
		return &filter{words: strings.Fields(m.input)}
	}
	return &m.filter
}

func (m *model) enterFilter() tea.Cmd {
	f, err := parse(m.input, m.words)
	if err != nil {
		m.notice = notice{mood: Bad, text: err.Error()}
		return nil
	}
	m.prompt, m.notice = promptNone, notice{}
	return m.apply(f)
}

// apply shows what passes a filter. The server is asked anew only if it selects anything, now or before.
func (m *model) apply(f filter) tea.Cmd {
	m.former, m.filter = m.filter, f
	m.rows.arrange(&m.filter, m.now)
	if m.former.asked == nil && f.asked == nil {
		return nil
	}
	return m.follow()
}

// pick returns yes if the condition holds, and no if not.
func pick[T any](condition bool, yes, no T) T {
	if condition {
		return yes
	}
	return no
}
