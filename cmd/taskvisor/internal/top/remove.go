package top

import (
	tea "charm.land/bubbletea/v2"
)

// maxRemoves is how many removals may be under way: each waits until a body has returned.
const maxRemoves = 32

// remove stops the task that the question named.
func (m *model) remove() tea.Cmd {
	t := m.doomed
	m.doomed = nil
	if m.removes >= maxRemoves {
		m.tell(Warn, "too many tasks are being stopped already: wait until one of them has")
		return nil
	}
	m.removes++
	m.notice = notice{mood: Neutral, text: "stopping " + t.GetName() + "…"}
	return func() tea.Msg {
		final, err := m.source.remove(t.GetUid())
		if err != nil {
			return removedMsg{name: t.GetName(), text: m.source.explain(err)}
		}
		return removedMsg{name: t.GetName(), task: final}
	}
}

func (m *model) removed(msg removedMsg) {
	m.removes--
	if msg.text == "" {
		m.tell(Good, m.words.Ended(msg.task))
		return
	}
	// Until the next one, or the next key: it may take time to read.
	m.notice = notice{mood: Bad, text: msg.name + " was not removed: " + msg.text}
}
