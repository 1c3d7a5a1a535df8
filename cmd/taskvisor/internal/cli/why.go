package cli

import (
	"fmt"
	"strings"
	"time"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// asked says who is behind what happens to a task, as far as the server tells.
type asked struct {
	toAdd, toRemove *pb.Event
	// Of the slot that the task waits for: the name of its owner, empty if it is not known, and how many others are queued for it.
	owner  string
	others uint64
}

// why explains in sentences why a task is in its state.
func why(t *pb.Task, who asked) []string {
	var s []string
	switch t.GetState() {
	case pb.TaskState_TASK_STATE_QUEUED:
		s = append(s, whyQueued(t, who))
	case pb.TaskState_TASK_STATE_WAITING:
		s = append(s, fmt.Sprintf("It would run, but as many attempts run as the server allows at a time (--max-concurrent). Attempt %d starts as soon as one of them has ended.",
			t.GetAttempt()+1))
	case pb.TaskState_TASK_STATE_RUNNING:
		s = append(s, whyRunning(t)...)
	case pb.TaskState_TASK_STATE_BACKOFF:
		s = append(s, whyBackoff(t))
	case pb.TaskState_TASK_STATE_STOPPING:
		s = append(s, "It was told to stop, and its body has not returned yet.")
	case pb.TaskState_TASK_STATE_STUCK:
		s = append(s, "It was told to stop, and its body did not return within the grace period. Its name stays taken until it does; nobody can end it by force but by ending the server.")
	case pb.TaskState_TASK_STATE_FINISHED:
		s = append(s, whyFinished(t, who))
	case pb.TaskState_TASK_STATE_UNSPECIFIED:
		s = append(s, "The server says a state that this program does not know; a newer one may.")
	}
	return append(append(s, lastError(t)...), who.sentences()...)
}

func whyQueued(t *pb.Task, who asked) string {
	owner := "another task"
	if who.owner != "" {
		owner = fmt.Sprintf("task %q", who.owner)
	}
	text := fmt.Sprintf("It waits for slot %q, which %s owns", t.GetSlot(), owner)
	if who.others > 0 {
		text += fmt.Sprintf(", beside %s", count(who.others, "other task"))
	}
	return text + ". It has not run yet."
}

func whyRunning(t *pb.Task) []string {
	ran := time.Since(t.GetStartTime().AsTime())
	text := fmt.Sprintf("Attempt %d has run for %s", t.GetAttempt(), since(t.GetStartTime()))
	if n := t.GetFailureStreak(); n > 0 {
		text += fmt.Sprintf(", after %s in a row", count(uint64(n), "failure"))
	}
	if d := t.GetSpec().GetTimeout().AsDuration(); d > 0 {
		text += fmt.Sprintf("; it may run for another %s", span(max(d-ran, 0)))
	}
	if t.GetProgress() == "" {
		return []string{text + "."}
	}
	return []string{text + ".", "It says of itself: " + full(t.GetProgress())}
}

func whyBackoff(t *pb.Task) string {
	next := "the next one starts at once."
	if left := untilNext(t); left != "" && left != "0s" {
		next = fmt.Sprintf("the next one starts in %s.", left)
	}
	scheduled := t.GetSpec().GetRestart().GetSchedule() != ""
	if scheduled && t.GetAttempt() == 0 {
		return fmt.Sprintf("It waits for the first time of its schedule, in %s.", untilNext(t))
	}
	if t.GetFailureStreak() == 0 {
		return fmt.Sprintf("Attempt %d succeeded; %s", t.GetAttempt(), next)
	}
	text := fmt.Sprintf("Attempt %d failed", t.GetAttempt())
	if n := t.GetFailureStreak(); n > 1 {
		text += fmt.Sprintf(", the %s in a row", ordinal(uint64(n)))
	}
	return text + "; " + next + whenItGivesUp(t)
}

// whenItGivesUp says how often a task that fails is tried yet.
func whenItGivesUp(t *pb.Task) (text string) {
	r := t.GetSpec().GetRestart()
	if n := r.GetMaxRetries(); n > 0 && r.GetSchedule() == "" { // with a schedule it does not give up
		left := max(int64(n)-int64(t.GetFailureStreak()), 0)
		text += fmt.Sprintf(" If all fail, it gives up after %s.", count(uint64(left)+1, "more attempt"))
	}
	if l := r.GetLimit(); l != nil {
		text += fmt.Sprintf(" With more than %s within %s, it gives up.", count(uint64(l.GetCount()), "restart"), spanOf(l.GetWindow()))
	}
	return text
}

// slotOf returns the slot that a task has, or wanted.
func slotOf(t *pb.Task) string {
	return firstOf(t.GetSlot(), t.GetSpec().GetAdmission().GetSlot(), t.GetName())
}

func whyFinished(t *pb.Task, who asked) string {
	attempts := "after " + count(t.GetAttempt(), "attempt")
	if t.GetAttempt() == 0 {
		attempts = "before it ran"
	}
	text := "It ended in a way that this program does not know; a newer one may."
	switch t.GetOutcome() {
	case pb.Outcome_OUTCOME_COMPLETED:
		text = fmt.Sprintf("It ended well, %s.", attempts)
	case pb.Outcome_OUTCOME_FAILED:
		text = fmt.Sprintf("It failed for good, %s: no further one was allowed.", attempts)
	case pb.Outcome_OUTCOME_FATAL:
		text = fmt.Sprintf("It failed, %s, in a way that it said to be beyond retrying.", attempts)
	case pb.Outcome_OUTCOME_CANCELED:
		text = fmt.Sprintf("It was stopped, %s.", attempts)
	case pb.Outcome_OUTCOME_REJECTED:
		text = fmt.Sprintf("Slot %q refused it; it never ran.", slotOf(t))
	case pb.Outcome_OUTCOME_ABANDONED:
		text = "The server ended while its body still ignored that it was told to stop."
	case pb.Outcome_OUTCOME_UNSPECIFIED:
	}
	if reason := t.GetOutcomeReason(); reason != "" && reason != who.toRemove.GetReason() { // which is told below
		text += " Reason: " + full(reason)
	}
	return text
}

// lastError tells of the last failure, where the outcome has not told it already.
func lastError(t *pb.Task) []string {
	e := t.GetLastError()
	if e == nil || e.GetReason() != "" && strings.Contains(t.GetOutcomeReason(), e.GetReason()) {
		return nil
	}
	text := fmt.Sprintf("Its last failure, %s ago: %s", since(e.GetTime()), full(e.GetReason()))
	if t.GetFailureStreak() == 0 && t.GetState() != pb.TaskState_TASK_STATE_FINISHED {
		text += " It has recovered since."
	}
	return []string{text}
}

// full returns a reason as a sentence.
func full(reason string) string {
	reason = strings.TrimSpace(oneLine(reason))
	if reason == "" || strings.ContainsRune(".!?", rune(reason[len(reason)-1])) {
		return reason
	}
	return reason + "."
}

func (a asked) sentences() (s []string) {
	if p := a.toAdd.GetPrincipal(); p != "" {
		s = append(s, fmt.Sprintf("%s added it.", p))
	}
	if a.toRemove == nil {
		return s
	}
	text := "Somebody asked to stop it"
	if p := a.toRemove.GetPrincipal(); p != "" {
		text = p + " asked to stop it"
	}
	text += fmt.Sprintf(", %s ago", since(a.toRemove.GetTime()))
	if reason := a.toRemove.GetReason(); reason != "" {
		return append(s, text+": "+full(reason))
	}
	return append(s, text+".")
}
