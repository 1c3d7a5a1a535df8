package web

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
)

const (
	maxRows = 1000 // of a table
	maxText = 300  // bytes of a cell
)

// tasks serves the page: as HTML to who asks for it, as browsers do, else as text.
func (s *site) tasks(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	p := page{
		title:  "Taskvisor",
		lines:  s.summary(now),
		tables: []table{s.taskTable(now, r.URL.Query().Get("after")), s.watcherTable(now)},
	}
	var body bytes.Buffer
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		p.writeHTML(&body)
	} else {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		p.writeText(&body)
	}
	_, _ = body.WriteTo(w)
}

// summary tells the figures of all tasks.
func (s *site) summary(now time.Time) []string {
	stats := s.Supervisor.Stats()
	var states []string
	for state, n := range stats.Tasks {
		if n > 0 {
			states = append(states, fmt.Sprintf("%d %s", n, supervisor.State(state)))
		}
	}
	tasks := fmt.Sprintf("%d tasks", stats.Tasks.Live())
	if len(states) > 0 {
		tasks += ": " + strings.Join(states, ", ")
	}
	lines := []string{
		now.UTC().Format(time.RFC3339), tasks,
		fmt.Sprintf("%d events so far, the last %d are kept", stats.Published, min(stats.Published, uint64(stats.EventBuffer))),
	}
	if stats.MaxConcurrent > 0 {
		lines = append(lines, fmt.Sprintf("%d of %d permits are held", stats.Permits, stats.MaxConcurrent))
	}
	if s.Notes != nil {
		lines = append(lines, s.Notes(now)...)
	}
	return lines
}

// taskTable lists live tasks, those after a name.
func (s *site) taskTable(now time.Time, after string) table {
	opts := supervisor.ListOptions{AfterName: after, Limit: maxRows + 1}
	if after != "" {
		for i := range opts.AfterUID {
			opts.AfterUID[i] = 0xFF // behind all lives of this name
		}
	}
	list := s.Supervisor.List(opts)
	t := table{title: "Tasks", head: []string{"NAME", "STATE", "ATTEMPT", "STREAK", "STARTED", "NEXT", "LAST ERROR"}}
	if len(list) > maxRows {
		list = list[:maxRows]
		t.more = "/debug/tasks?after=" + url.QueryEscape(list[maxRows-1].Spec.Name)
	}
	for i := range list {
		t.rows = append(t.rows, taskRow(now, &list[i]))
	}
	return t
}

func taskRow(now time.Time, snap *supervisor.Snapshot) []string {
	started, next, failure := "-", "-", "-"
	if !snap.StartTime.IsZero() {
		started = since(now, snap.StartTime)
	}
	if !snap.NextAttempt.IsZero() {
		next = "in " + rounded(snap.NextAttempt.Sub(now))
	}
	if e := snap.LastError; e != nil {
		failure = since(now, e.Time) + ": " + e.Reason
	}
	return []string{snap.Spec.Name, snap.State.String(), fmt.Sprint(snap.Attempt), fmt.Sprint(snap.FailureStreak), started, next, failure}
}

// watcherTable lists the open streams of events, those that are furthest behind first.
func (s *site) watcherTable(now time.Time) table {
	list := s.Server.Streams()
	t := table{
		title: fmt.Sprintf("Watchers (%d)", len(list)),
		head:  []string{"PEER", "PRINCIPAL", "OPENED", "LAG", "EVENTS", "GAPS", "LOST"},
	}
	slices.SortStableFunc(list, func(a, b server.StreamStats) int { return int(min(b.Lag, 1<<31)) - int(min(a.Lag, 1<<31)) })
	for _, w := range list[:min(len(list), maxRows)] {
		principal := w.Principal
		if principal == "" {
			principal = "-"
		}
		t.rows = append(t.rows, []string{
			w.Peer, principal, since(now, w.Since), fmt.Sprint(w.Lag), fmt.Sprint(w.Events), fmt.Sprint(w.Gaps), fmt.Sprint(w.Lost),
		})
	}
	return t
}

func since(now, then time.Time) string { return rounded(now.Sub(then)) + " ago" }

// rounded leaves out what nobody reads.
func rounded(d time.Duration) string {
	switch d = max(d, 0); {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}
