package top

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// screen is what the upper part of the terminal shows.
type screen uint8

const (
	screenList screen = iota
	screenTask
	screenHelp
)

// prompt is what the last line asks for.
type prompt uint8

const (
	promptNone prompt = iota
	promptFilter
	promptRemove
)

// model is all that is known, and what is shown of it. It belongs to the goroutine of Bubble Tea.
type model struct {
	source source
	words  Words
	title  string // which server
	colour bool

	now           time.Time // of the present message
	width, height int
	palette       palette

	link    link
	synced  bool
	rows    rows
	tail    tail
	ended   outcomes // since the program runs
	notice  notice
	problem string    // why the server does not answer, in words; empty: it does, or that is not known yet
	since   time.Time // the server has not answered; valid if it does not

	screen  screen
	task    inspection
	prompt  prompt
	input   string   // of promptFilter
	doomed  *pb.Task // of promptRemove
	removes int      // removals that are under way

	filter  filter
	former  filter // before this one: what to go back to when the server refuses it
	follows int    // number of the present follow
	err     error  // what the program ends with
}

// Messages, beside those of Bubble Tea.
type (
	newsMsg      struct{ news news }
	explainedMsg struct{ text string }
	askedMsg     struct {
		uid string
		who Asked
	}
	gotMsg     struct{ task *pb.Task }
	removedMsg struct {
		name string
		task *pb.Task
		text string // why not; empty: it is
	}
	toldMsg struct {
		mood Mood
		text string
	}
	endMsg struct{ err error }
)

func newModel(s source, c Config) *model {
	m := &model{
		source: s, words: c.Words, title: c.Server, colour: c.Colour, palette: named(), width: 80, height: 24,
		ended: make(outcomes), now: time.Now(), filter: filter{text: c.FilterText, asked: c.Filter},
	}
	if !c.Colour {
		m.palette = colourless()
	}
	m.rows.restarts = restartsByID{}
	return m
}

// Init begins to follow.
func (m *model) Init() tea.Cmd {
	cmds := []tea.Cmd{m.follow(), m.next}
	if m.colour {
		cmds = append(cmds, tea.RequestBackgroundColor)
	}
	return tea.Batch(cmds...)
}

// Update takes a message.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	m.now = time.Now()
	cmd := m.take(msg)
	m.source.setAlarm(m.due())
	return m, cmd
}

func (m *model) take(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case newsMsg:
		return tea.Batch(m.next, m.hear(msg.news))
	case tea.KeyPressMsg:
		return m.press(msg.String(), msg.Text)
	case tea.PasteMsg:
		m.paste(msg.Content)
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.BackgroundColorMsg:
		if m.colour {
			m.palette = pick(msg.IsDark(), dark, light)()
		}
	case explainedMsg:
		m.explained(msg.text)
	case askedMsg:
		if m.task.task.GetUid() == msg.uid {
			m.task.learn(msg.who)
		}
	case gotMsg:
		if m.task.task.GetUid() == msg.task.GetUid() {
			m.task.task = msg.task
		}
	case removedMsg:
		m.removed(msg)
	case toldMsg:
		m.notice = notice{mood: msg.mood, text: msg.text}
	case endMsg:
		m.err = msg.err
		return tea.Quit
	}
	return nil
}

// next waits for news.
func (m *model) next() tea.Msg {
	if n, ok := m.source.next(); ok {
		return newsMsg{n}
	}
	return nil
}

// follow begins to follow what the filter asks for.
func (m *model) follow() tea.Cmd {
	m.follows++
	m.link, m.synced, m.problem = link{}, false, ""
	m.tail, m.rows.restarts = tail{}, restartsByID{}
	number, asked := m.follows, m.filter.asked
	return func() tea.Msg {
		m.source.follow(number, asked)
		return nil
	}
}

// hear takes what has come from the server.
func (m *model) hear(n news) tea.Cmd {
	if n.follow != m.follows {
		return nil
	}
	if n.err != nil {
		return m.refused(n.err)
	}
	cmd := m.relink(n.link)
	m.tail.prepend(n.past)
	m.tail.add(n.entries, n.skipped)
	for outcome, count := range n.ended {
		m.ended[outcome] += count
	}
	for uid, h := range n.runs {
		m.rows.restarts.of(uid).merge(h)
	}
	if n.view != nil {
		m.rows.replace(n.tasks)
	}
	m.synced = m.synced || n.synced
	if n.view != nil || len(n.runs) > 0 {
		m.rows.arrange(m.shownFilter(), m.now)
	}
	for _, x := range n.notices {
		m.notice = x
	}
	return tea.Batch(cmd, m.inspectAgain(n.entries))
}

// relink takes how the connection is now, and has an error explained if that is the first for a while.
func (m *model) relink(l *link) tea.Cmd {
	if l == nil {
		return nil
	}
	before := m.link
	m.link = *l
	switch {
	case l.state == linkLive:
		m.problem = ""
		if before.state == linkWaiting && m.synced {
			m.tell(Good, "resumed")
		}
	case before.state != linkWaiting:
		m.since = m.now
		return m.explain(l.err)
	case before.err.Error() != l.err.Error():
		return m.explain(l.err)
	}
	return nil
}

func (m *model) explain(err error) tea.Cmd {
	return func() tea.Msg { return explainedMsg{m.source.explain(err)} }
}

// explained takes why the server does not answer. It is told for as long as it does not; with no task to show, in the place of the tasks.
func (m *model) explained(text string) {
	if m.link.state != linkWaiting {
		return // it does, by now
	}
	m.problem = text
	if m.synced {
		m.notice = notice{mood: Warn, text: text}
	}
}

// refused goes back to the former filter if the server does not want this one, and ends the program if it wants none.
func (m *model) refused(err error) tea.Cmd {
	if m.follows == 1 || !client.IsInvalid(err) || m.filter.text == m.former.text {
		return func() tea.Msg { return endMsg{err} }
	}
	bad := m.filter
	m.filter = m.former
	m.prompt, m.input = promptFilter, bad.text
	again := m.follow()
	return tea.Batch(again, func() tea.Msg { return toldMsg{Bad, m.source.explain(err)} })
}

// tell shows a notice for a while.
func (m *model) tell(mood Mood, text string) {
	m.notice = notice{mood, text, m.now.Add(noticeTime)}
}
