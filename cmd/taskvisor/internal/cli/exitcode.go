package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/yamlfile"
)

// Exit codes of Main and Run. Those from 10 on say how a task ended that was waited for.
const (
	ExitClean       = 0   // it did what was asked; the task that was waited for completed
	ExitFailure     = 1   // it could not
	ExitUsage       = 2   // the command line, a file or the request is wrong; nothing was done
	ExitNotFound    = 3   // no such task or plugin
	ExitNoServer    = 4   // the server cannot be reached, or it shuts down
	ExitNotAllowed  = 5   // the server wants other credentials
	ExitConflict    = 6   // the name, or the slot, is taken
	ExitFailed      = 10  // the task ended: failed
	ExitFatal       = 11  // the task ended: fatal
	ExitCanceled    = 12  // the task ended: canceled
	ExitRejected    = 13  // the task ended: rejected by its slot
	ExitAbandoned   = 14  // the server ended while the task would not
	ExitLost        = 15  // the task ended, and nobody can tell how
	ExitStuck       = 16  // the body of the task ignores that it was told to stop
	ExitTimeout     = 124 // --timeout is over, as timeout(1) says it
	ExitInterrupted = 130 // Ctrl-C, or SIGTERM, ended it
)

// exitTexts says of each code what it means, in the order of the help.
var exitTexts = []struct {
	code int
	text string
}{
	{ExitClean, "it did what was asked"},
	{ExitFailure, "it could not"},
	{ExitUsage, "the command line, a file or the request is wrong; nothing was done"},
	{ExitNotFound, "no such task or plugin"},
	{ExitNoServer, "the server cannot be reached, or it shuts down"},
	{ExitNotAllowed, "the server wants other credentials, or does not allow this"},
	{ExitConflict, "the name or the slot is taken"},
	{ExitFailed, "the task that was waited for failed: no further attempt was allowed"},
	{ExitFatal, "it failed fatally: it said that the failure is beyond retrying"},
	{ExitCanceled, "it was canceled: it was removed, or the server shut down"},
	{ExitRejected, "it was rejected by its slot"},
	{ExitAbandoned, "it was abandoned: the server ended while its body would not"},
	{ExitLost, "it ended, and nobody can tell how any more: the server was started anew, or keeps it no longer"},
	{ExitStuck, "the body of the task ignores that it was told to stop"},
	{ExitTimeout, "--timeout is over"},
	{ExitInterrupted, "interrupted by Ctrl-C or SIGTERM"},
}

// commonCodes are those that any verb may end with.
func commonCodes() []int {
	return []int{ExitClean, ExitFailure, ExitUsage, ExitNoServer, ExitNotAllowed, ExitTimeout, ExitInterrupted}
}

// outcomeCodes are those of verbs that wait for the end of a task.
func outcomeCodes() []int {
	return []int{ExitFailed, ExitFatal, ExitCanceled, ExitRejected, ExitAbandoned, ExitLost, ExitStuck}
}

func allCodes() (all []int) {
	for _, e := range exitTexts {
		all = append(all, e.code)
	}
	return all
}

// exitList lists what the codes mean.
func exitList(codes []int) string {
	var b strings.Builder
	for _, e := range exitTexts {
		if e.code == ExitClean && slices.Contains(codes, ExitFailed) {
			e.text += "; the task that was waited for completed"
		}
		if slices.Contains(codes, e.code) {
			fmt.Fprintf(&b, "  %-3d  %s\n", e.code, e.text)
		}
	}
	return b.String()
}

// outcomeError ends the program with a code. All that is to be said about it has been said.
type outcomeError struct{ code int }

// Error says it for logs and tests; people do not see it.
func (e *outcomeError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitCode returns the code that says what err means to a script.
func exitCode(err error) int {
	var problems yamlfile.Problems
	var setup setupError
	var missing *missingPlugin
	switch {
	case isUsage(err), errors.As(err, &problems), errors.As(err, &setup), client.IsInvalid(err), client.IsUnsupported(err):
		return ExitUsage
	case client.IsNotFound(err), errors.As(err, &missing):
		return ExitNotFound
	case client.IsUnauthenticated(err), client.IsForbidden(err):
		return ExitNotAllowed
	case client.IsExists(err), client.IsRequestIDReused(err), client.IsSlotBusy(err), client.IsSuperseded(err):
		return ExitConflict
	case client.IsStuck(err):
		return ExitStuck
	case client.IsLost(err):
		return ExitLost
	case isTimeout(err):
		return ExitTimeout
	case status.Code(err) == codes.Unavailable:
		return ExitNoServer
	}
	return ExitFailure
}

// isTimeout reports that the time ran out on this side.
func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) ||
		status.Code(err) == codes.DeadlineExceeded && client.Reason(err) == pb.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// outcomeCode returns the code that says how a task ended.
func outcomeCode(o pb.Outcome) int {
	switch o {
	case pb.Outcome_OUTCOME_COMPLETED:
		return ExitClean
	case pb.Outcome_OUTCOME_FAILED:
		return ExitFailed
	case pb.Outcome_OUTCOME_FATAL:
		return ExitFatal
	case pb.Outcome_OUTCOME_CANCELED:
		return ExitCanceled
	case pb.Outcome_OUTCOME_REJECTED:
		return ExitRejected
	case pb.Outcome_OUTCOME_ABANDONED:
		return ExitAbandoned
	case pb.Outcome_OUTCOME_UNSPECIFIED:
	}
	return ExitLost // of a server that knows more outcomes than this program
}
