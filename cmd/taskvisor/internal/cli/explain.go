package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// explain says what went wrong, and what to do about it.
func (a *app) explain(ctx context.Context, err error) string {
	if isTimeout(err) {
		return a.lateText()
	}
	var placed *placedError
	if errors.As(err, &placed) {
		return placed.place + ": " + a.explain(ctx, placed.error)
	}
	if list := client.Violations(err); len(list) > 0 {
		return "the server refuses this, nothing was done:" + listed(list)
	}
	s := statusOf(err)
	if s == nil {
		return err.Error()
	}
	switch {
	case client.IsUnauthenticated(err), client.Reason(err) == pb.ErrorReason_ERROR_REASON_ROLE_REQUIRED:
		return a.credentialsText(err, s)
	case client.IsExists(err):
		return sentence(s) + "; the flag for that is --if-exists"
	case client.IsNotFound(err):
		return a.notFoundText(err, s)
	case client.IsShutdown(err):
		return sentence(s) + fmt.Sprintf(" (%s)", a.settings.server)
	case s.Code() == codes.Unavailable:
		return a.diagnose(ctx, sentence(s))
	case s.Code() == codes.Unimplemented && client.Metadata(err) == nil:
		return fmt.Sprintf("%s is a gRPC server, but not one of Taskvisor, or an old one: %s", a.settings.server, sentence(s))
	}
	return sentence(s)
}

// notFoundText says which task is not there, and what is near to it. Who has two servers may have asked the wrong one.
func (a *app) notFoundText(err error, s *status.Status) string {
	text := sentence(s)
	m := client.Metadata(err)
	switch {
	case m["uid"] != "":
		text = fmt.Sprintf("there is no task with the uid %q, or none any more,", m["uid"])
	case m["name"] != "":
		text = fmt.Sprintf("there is no task %q", m["name"])
	}
	var ended *endedError
	if errors.As(err, &ended) {
		return fmt.Sprintf("task %q has ended already, %s ago: %s", ended.task.GetName(), since(ended.task.GetFinishTime()), stateWord(ended.task))
	}
	var near *nearError
	if errors.As(err, &near) {
		return fmt.Sprintf("%s at %s (%s); did you mean %s?", text, a.settings.server, a.origin(), strings.Join(near.names, " or "))
	}
	return fmt.Sprintf("%s at %s (%s); taskvisor ls lists those that are%s", text, a.settings.server, a.origin(), a.otherwise())
}

// lateText says that the time is over.
func (a *app) lateText() string {
	if a.limited {
		return fmt.Sprintf("--timeout %s is over", span(a.settings.timeout))
	}
	return fmt.Sprintf("no answer from %s (%s) within %s; if it needs longer, give --timeout", a.settings.server, a.origin(), span(a.settings.timeout))
}

// statusOf returns the status that the server sent, without what was put in front of its message on this side; nil for an error that has none.
func statusOf(err error) *status.Status {
	var s interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &s) {
		return nil
	}
	return s.GRPCStatus()
}

// sentence is what the server says.
func sentence(s *status.Status) string {
	if text := s.Message(); text != "" {
		return text
	}
	return "the server answers " + s.Code().String()
}

// listed returns a line for each violation, with the flag to change, where there is one.
func listed(list []client.Violation) string {
	var b strings.Builder
	for _, v := range list {
		at := v.Field
		if flag := flagOfField(v.Field); flag != "" {
			at = flag + " (" + v.Field + ")"
		}
		if at == "" {
			at = "request"
		}
		fmt.Fprintf(&b, "\n  %s: %s", at, v.Description)
	}
	return b.String()
}

// credentialsText says who was asked, and with what credentials.
func (a *app) credentialsText(err error, s *status.Status) string {
	shown := ""
	switch { // a token goes before a certificate
	case a.settings.tokenFile != "":
		shown = fmt.Sprintf(", with the token of %s (as %s says)", a.settings.tokenFile, a.settings.origins["token-file"])
	case a.settings.tlsCert != "":
		shown = fmt.Sprintf(", with the certificate of %s (as %s says)", a.settings.tlsCert, a.settings.origins["tls-cert"])
	case client.IsUnauthenticated(err):
		return fmt.Sprintf("the server at %s (%s) wants to know who you are\n  Give --token-file FILE, or TASKVISOR_TOKEN_FILE, or token-file in the config file.",
			a.settings.server, a.origin())
	}
	return fmt.Sprintf("%s\n  The server is %s (%s)%s.%s", sentence(s), a.settings.server, a.origin(), shown, a.otherwise())
}

// origin says who chose the server.
func (a *app) origin() string {
	if from := a.settings.origins["server"]; from != "" {
		return "as " + from + " says"
	}
	return "the default"
}

// otherwise tells of a config file that names another server than the environment does: who changes one of them may not think of the other. Who
// gives a flag means it.
func (a *app) otherwise() (text string) {
	if a.settings.origins["server"] == flagOrigin("server") {
		return ""
	}
	for _, c := range a.settings.covered {
		text += fmt.Sprintf("\n  But %s says %s.", c.origin, c.value)
	}
	return text
}

// diagnose says why the server does not answer. gRPC says it in words that are not made to be read by programs, so it is tried again, without gRPC.
func (a *app) diagnose(ctx context.Context, said string) string {
	p := probe(ctx, a.settings)
	if p == nil {
		return fmt.Sprintf("%s (%s) does not answer as a gRPC server does: %s%s", a.settings.server, a.origin(), said, a.otherwise())
	}
	return fmt.Sprintf("cannot talk to the server at %s (%s): %s%s", a.settings.server, a.origin(), p, a.otherwise())
}

// found is what a probe has found out.
type found struct {
	problem string
	remedy  string
}

func (f *found) String() string { return f.problem + "\n  " + f.remedy }
