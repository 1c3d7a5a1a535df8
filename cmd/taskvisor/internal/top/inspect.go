package top

import (
	"strings"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// titleWidth is as wide as the titles of fields are.
const titleWidth = 14

// describe returns all there is to know about the task that is looked at.
func (m *model) describe() []string {
	t := m.task.task
	state, mood := m.words.State(t)
	d := m.words.Describe(t, m.task.who)
	title := line{palette: &m.palette, left: m.width}
	title.skip(1)
	title.say(strong, t.GetName())
	title.say(plain, ": ")
	title.say(inkOf(mood), state)
	lines := []string{"", title.end(), ""}
	if m.task.gone && t.GetState() != pb.TaskState_TASK_STATE_FINISHED {
		lines = append(lines, m.paragraph(warn, "The server does not have it any more. This is how it was:")...)
	}
	for _, sentence := range d.Sentences {
		lines = append(lines, m.paragraph(plain, sentence)...)
	}
	lines = append(lines, "")
	for _, f := range d.Fields {
		lines = append(lines, m.field(f)...)
	}
	if len(d.Config) > 0 {
		lines = append(lines, m.paragraph(faint, "Config:")...)
	}
	for _, text := range d.Config {
		l := line{palette: &m.palette, left: m.width}
		l.skip(3)
		l.put(plain, text, l.left, false)
		lines = append(lines, strings.TrimRight(l.end(), " "))
	}
	return lines
}

// paragraph returns text in lines that fit.
func (m *model) paragraph(k ink, text string) (lines []string) {
	for _, wrapped := range wrap(text, min(m.width-2, readable)) {
		l := line{palette: &m.palette, left: m.width}
		l.skip(1)
		l.say(k, wrapped)
		lines = append(lines, l.end())
	}
	return lines
}

// readable is how wide text may be to be easy to read.
const readable = 100

func (m *model) field(f Field) (lines []string) {
	title := f.Title + ":"
	for _, wrapped := range wrap(f.Text, max(m.width-titleWidth-2, 1)) {
		l := line{palette: &m.palette, left: m.width}
		l.skip(1)
		l.put(faint, title, titleWidth, false)
		l.say(plain, wrapped)
		lines = append(lines, l.end())
		title = ""
	}
	return lines
}
