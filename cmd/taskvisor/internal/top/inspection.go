package top

import (
	tea "charm.land/bubbletea/v2"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// inspection is a task that is looked at.
type inspection struct {
	task   *pb.Task // as it was last; nil until it is there
	who    Asked
	offset int // of the first line on the screen
	lines  int // how many there are
	seen   int // how many fit
	gone   bool
}

// inspect looks at the selected task.
func (m *model) inspect() tea.Cmd {
	t := m.rows.selected
	if t == nil {
		return nil
	}
	m.screen, m.task = screenTask, inspection{task: t}
	return func() tea.Msg { return askedMsg{t.GetUid(), m.source.asked(t)} }
}

// inspectAgain brings the task that is looked at up to date. Its last state is that of the server, which keeps it for a while.
func (m *model) inspectAgain(entries []entry) tea.Cmd {
	uid := m.task.task.GetUid()
	if m.screen != screenTask || m.task.gone {
		return nil
	}
	for _, x := range entries {
		if x.event.GetUid() == uid && x.event.GetKind() == pb.EventKind_EVENT_KIND_TASK_REMOVE_REQUESTED {
			m.task.who.ToRemove = x.event
		}
	}
	for _, t := range m.rows.all {
		if t.GetUid() == uid {
			m.task.task = t
			return nil
		}
	}
	m.task.gone = true
	return func() tea.Msg {
		if t, err := m.source.get(uid); err == nil {
			return gotMsg{t}
		}
		return nil // it is shown as it was, and as gone
	}
}

// learn takes what the log says. What has happened since is known better.
func (i *inspection) learn(who Asked) {
	if i.who.ToRemove != nil {
		who.ToRemove = i.who.ToRemove
	}
	i.who = who
}
