package server_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/servertest"
	"github.com/taskvisor/taskvisor/supervisor"
)

// mutual serves with mutual TLS on loopback. dial returns the services over a connection with the client's certificate, nil for none.
func mutual(t *testing.T, ca *servertest.CA, authenticator server.Authenticator) (h *servertest.Harness, dial func(*tls.Certificate) pb.SupervisorServiceClient) {
	t.Helper()
	h = newHarness(t, servertest.WithServer(server.Config{Logger: quiet, Authenticator: authenticator}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := h.Server.NewGRPCServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{ca.Pair(t, "server")}, ClientCAs: ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	})))
	go func() { _ = g.Serve(listener) }() // the harness stops it
	return h, func(certificate *tls.Certificate) pb.SupervisorServiceClient {
		config := &tls.Config{RootCAs: ca.Pool()}
		if certificate != nil {
			config.Certificates = []tls.Certificate{*certificate}
		}
		conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(config)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return pb.NewSupervisorServiceClient(conn)
	}
}

// names is a change for CA.Issue.
func names(dns []string, uris ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.DNSNames = dns
		for _, text := range uris {
			if uri, err := url.Parse(text); err == nil {
				c.URIs = append(c.URIs, uri)
			}
		}
	}
}

// adder returns on whose behalf a task was added.
func adder(ctx context.Context, t *testing.T, h *servertest.Harness, tasks pb.SupervisorServiceClient) (string, error) {
	t.Helper()
	reader, err := h.Supervisor.Read(h.Supervisor.Cursor())
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := tasks.AddTask(ctx, &pb.AddTaskRequest{Task: servertest.Spec("", servertest.Wait)}); err != nil {
		return "", err
	}
	events := make([]supervisor.Event, 1)
	for events[0].Kind != supervisor.TaskAddRequested { // others may still come of the task before
		if _, _, err := reader.Next(ctx, events); err != nil {
			t.Fatal(err)
		}
	}
	return events[0].Principal, nil
}

// "Its URIs go before its DNS names, and those before its common name; of several names of one type that have a grant the first in the
// certificate counts", and a token before all of them.
func TestCertificatesHaveRoles(t *testing.T) {
	access := new(server.Access)
	by := func(principal string, g server.Grant) server.Grant {
		g.Principal, g.Role = principal, server.RoleOperate
		return g
	}
	if err := access.Set(
		by("cn", server.Grant{CommonName: "ann"}), by("dns", server.Grant{DNS: "A.example"}), by("dns2", server.Grant{DNS: "b.example"}),
		by("uri", server.Grant{URI: "spiffe://x/a"}), grantOf("token", server.RoleOperate, "token"),
		server.Grant{Principal: "watcher", Role: server.RoleWatch, CommonName: "watcher"},
	); err != nil {
		t.Fatal(err)
	}
	ca := servertest.NewCA(t)
	h, dial := mutual(t, ca, access)
	for name, test := range map[string]struct {
		certificate tls.Certificate
		want        string
	}{
		"common name":          {ca.Pair(t, "ann"), "cn"},
		"DNS name":             {ca.Pair(t, "ann", names([]string{"other.example", "a.EXAMPLE"})), "dns"},
		"first of two":         {ca.Pair(t, "x", names([]string{"b.example", "a.example"})), "dns2"},
		"URI":                  {ca.Pair(t, "ann", names([]string{"a.example"}, "spiffe://x/other", "spiffe://x/a")), "uri"},
		"name of another type": {ca.Pair(t, "a.example", names([]string{"ann"})), ""},
		"part of a name":       {ca.Pair(t, "ann2", names([]string{"x.a.example"}, "spiffe://x/a/b")), ""},
		"no name":              {ca.Pair(t, ""), ""},
	} {
		tasks := dial(&test.certificate)
		switch got, err := adder(t.Context(), t, h, tasks); {
		case test.want == "":
			wantRefusal(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
		case err != nil || got != test.want:
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if got, err := adder(as(t, "token"), t, h, tasks); err != nil || got != "token" {
			t.Errorf("%s with a token: %q, %v", name, got, err)
		}
		_, err := adder(as(t, "bad"), t, h, tasks)
		wantRefusal(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
	}
	certificate := ca.Pair(t, "watcher")
	_, err := adder(t.Context(), t, h, dial(&certificate))
	wantMetadata(t, wantRefusal(t, err, codes.PermissionDenied, "ROLE_REQUIRED"), map[string]string{"role": "watch", "required_role": "operate"})
}

// A stream of a client ends when the grant to its certificate goes, and so do its calls on the same connection.
func TestStreamsEndWhenTheGrantToTheirCertificateIsRevoked(t *testing.T) {
	access := new(server.Access)
	if err := access.Set(server.Grant{Principal: "ann", Role: server.RoleWatch, CommonName: "ann"}); err != nil {
		t.Fatal(err)
	}
	ca := servertest.NewCA(t)
	_, dial := mutual(t, ca, access)
	certificate := ca.Pair(t, "ann")
	tasks := dial(&certificate)
	stream, err := tasks.WatchEvents(t.Context(), &pb.WatchEventsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{t: t, stream: stream}
	f.next()
	if err := access.Set(server.Grant{Principal: "bob", Role: server.RoleWatch, CommonName: "bob"}); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, f.end(), codes.Unauthenticated, "UNAUTHENTICATED")
	_, err = tasks.ListTasks(t.Context(), &pb.ListTasksRequest{})
	wantRefusal(t, err, codes.Unauthenticated, "UNAUTHENTICATED")
}

// Without Authenticator, a verified certificate names its client, who may do everything. One that is expired, foreign, for other uses, or missing
// gets no connection.
func TestCertificatesNameTheirClients(t *testing.T) {
	ca, foreign := servertest.NewCA(t), servertest.NewCA(t)
	h, dial := mutual(t, ca, nil)
	for want, certificate := range map[string]tls.Certificate{
		"cert:ann":          ca.Pair(t, "ann"),
		"cert:a.example":    ca.Pair(t, "ann", names([]string{"a.example"})),
		"cert:spiffe://x/a": ca.Pair(t, "ann", names([]string{"a.example"}, "spiffe://x/a")),
	} {
		if got, err := adder(t.Context(), t, h, dial(&certificate)); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	expired, other := ca.Pair(t, "ann", servertest.Expired), foreign.Pair(t, "ann")
	serving := ca.Pair(t, "ann", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	for i, certificate := range []*tls.Certificate{&expired, &other, &serving, nil} {
		if _, err := adder(t.Context(), t, h, dial(certificate)); refusalOf(t, err).code != codes.Unavailable {
			t.Errorf("%d: %v", i, err)
		}
	}
	if tasks := list(t, h, &pb.ListTasksRequest{}).GetTasks(); len(tasks) != 3 {
		t.Errorf("there are %d tasks", len(tasks))
	}
}
