//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// method returns the full name of a method; those of the SupervisorService need not be given in full.
func method(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	return "taskvisor.v1.SupervisorService/" + name
}

// exitOffset is what grpcurl adds to the code of the status that a call ended with.
const exitOffset = 64

// send starts a call by grpcurl, which reads the request from its standard input: an argument could not be as large as some are.
func (d *daemon) send(t *testing.T, name, request string, flags ...string) *process {
	t.Helper()
	args := append([]string{"-plaintext", "-d", "@"}, append(flags, d.addr, method(name))...)
	return startCommand(t, func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, bin.grpcurl, args...)
		cmd.Stdin = strings.NewReader(request)
		return cmd
	})
}

// call calls a method, which has to succeed, and decodes the answer.
func (d *daemon) call(t *testing.T, name, request string, answer proto.Message) {
	t.Helper()
	p := d.send(t, name, request)
	if code := p.exit(t); code != 0 {
		t.Fatalf("%s %s: grpcurl exits with %d\n%s", name, request, code, p.output())
	}
	if err := protojson.Unmarshal([]byte(p.stdout.String()), answer); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, p.stdout)
	}
}

// print runs grpcurl with the arguments, which has to succeed, and returns what it prints.
func (d *daemon) print(t *testing.T, args ...string) string {
	t.Helper()
	p := start(t, bin.grpcurl, append([]string{"-plaintext"}, args...)...)
	if code := p.exit(t); code != 0 {
		t.Fatalf("grpcurl %q exits with %d\n%s", args, code, p.output())
	}
	return p.stdout.String()
}

// refusal is an error as grpcurl shows it.
type refusal struct {
	exit    int
	code    codes.Code
	message string
	info    *errdetails.ErrorInfo                   // nil when there is none
	wrong   []*errdetails.BadRequest_FieldViolation // in the order of the server
	wait    time.Duration                           // of google.rpc.RetryInfo
}

// refuse calls a method, which has to fail.
func (d *daemon) refuse(t *testing.T, name, request string) refusal {
	t.Helper()
	p := d.send(t, name, request, "-format-error")
	if code := p.exit(t); code <= exitOffset {
		t.Fatalf("%s %s: grpcurl exits with %d, but the server had to refuse it\n%s", name, request, code, p.output())
	}
	return readRefusal(t, p)
}

// readRefusal reads what grpcurl -format-error prints: a google.rpc.Status in JSON. Its details must have come as something readable, so
// that operators can read them as well.
func readRefusal(t *testing.T, p *process) refusal {
	t.Helper()
	var s spb.Status
	if err := protojson.Unmarshal([]byte(p.stderr.String()), &s); err != nil {
		t.Fatalf("grpcurl prints no status: %v\n%s", err, p.stderr)
	}
	r := refusal{exit: p.exit(t), code: codes.Code(s.GetCode()), message: s.GetMessage()}
	for _, packed := range s.GetDetails() {
		detail, err := packed.UnmarshalNew()
		if err != nil {
			t.Fatal(err)
		}
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			r.info = detail
		case *errdetails.BadRequest:
			r.wrong = detail.GetFieldViolations()
		case *errdetails.RetryInfo:
			r.wait = detail.GetRetryDelay().AsDuration()
		}
	}
	return r
}

// fields returns the names of the fields that are wrong.
func (r refusal) fields() (fields []string) {
	for _, v := range r.wrong {
		fields = append(fields, v.GetField())
	}
	return fields
}

// reasonOf returns the reason of a refusal; empty when there is none, which is so when the client made the error.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}
