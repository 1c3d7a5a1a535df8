package server_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server/servertest"
)

// A server with another codec than its own sends the same.
func TestWatchEventsWithAnotherCodec(t *testing.T) {
	h := newHarness(t, servertest.WithGRPC(grpc.ForceServerCodecV2(encoding.GetCodecV2(protocodec.Name))))
	waitFor(t, h, h.Add("a", servertest.Succeed))
	f := watch(t, h, &pb.WatchEventsRequest{Start: startOldest})
	f.sees(pb.EventKind_EVENT_KIND_TASK_REMOVED)
	f.wantFlow(0, false)
	if got := len(f.events()); got != 6 {
		t.Errorf("%d events", got)
	}
}

// An interceptor that looks into what is sent finds the messages that the client gets, and can print them at any time.
func TestInterceptorsSeeMessages(t *testing.T) {
	var events atomic.Int64
	var printed atomic.Value
	look := func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return handler(srv, sendHook{stream, func(m any) {
			fields := m.(proto.Message).ProtoReflect()
			events.Add(int64(fields.Get(fields.Descriptor().Fields().ByName("events")).List().Len()))
			printed.Store(fmt.Sprint(m))
		}})
	}
	h := newHarness(t, servertest.WithGRPC(grpc.ChainStreamInterceptor(look)))
	waitFor(t, h, h.Add("a", servertest.Succeed))
	f := watch(t, h, &pb.WatchEventsRequest{Start: startOldest})
	f.sees(pb.EventKind_EVENT_KIND_TASK_REMOVED)
	if got, text := events.Load(), printed.Load(); got != 6 || text == "" {
		t.Errorf("%d events, %v", got, text)
	}
}

// sendHook calls before with each message that is sent.
type sendHook struct {
	grpc.ServerStream
	before func(m any)
}

func (s sendHook) SendMsg(m any) error {
	s.before(m)
	return s.ServerStream.SendMsg(m)
}

// ownStream is a stream without gRPC, whose program has enough once a task was removed.
type ownStream struct {
	grpc.ServerStreamingServer[pb.WatchEventsResponse]
	ctx    context.Context
	leave  context.CancelFunc
	events []*pb.Event
}

func (s *ownStream) Context() context.Context     { return s.ctx }
func (s *ownStream) SetHeader(metadata.MD) error  { return nil }
func (s *ownStream) SendHeader(metadata.MD) error { return nil }

func (s *ownStream) Send(m *pb.WatchEventsResponse) error {
	s.events = append(s.events, m.GetEvents()...)
	if n := len(s.events); n > 0 && s.events[n-1].GetKind() == pb.EventKind_EVENT_KIND_TASK_REMOVED {
		s.leave()
	}
	return nil
}

// "Its methods may be called also without gRPC": messages are then what their type says.
func TestWatchEventsWithoutGRPC(t *testing.T) {
	h := newHarness(t)
	waitFor(t, h, h.Add("a", servertest.Succeed))
	s := &ownStream{}
	s.ctx, s.leave = context.WithCancel(t.Context())
	err := h.Server.WatchEvents(&pb.WatchEventsRequest{Start: startOldest}, s)
	if status.Code(err) != codes.Canceled || len(s.events) != 6 {
		t.Errorf("%v, %d events", err, len(s.events))
	}
}
