package server

import (
	"context"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"google.golang.org/grpc"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// streamInterceptor returns an interceptor that is the given ones, the outermost first, for all streams but those of events. Each
// interceptor around a call makes the stack of its goroutine deeper, which is what most of the memory of an idle stream is (see watch): with these
// it takes 5 KB more. So what they do is done for WatchEvents by itself, beside that goroutine or once the stream has ended.
func (s *Server) streamInterceptor(around ...grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	others := chained(around)
	logEnd := s.watchLogging()
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if info.FullMethod != pb.SupervisorService_WatchEvents_FullMethodName {
			return others(srv, stream, info, handler)
		}
		call := newWatchCall(&checkedStream{stream, s})
		err := call.authorize(s)
		if err == nil {
			err = s.guard(call.ctx, func() error { return handler(srv, call) })
		}
		s.streams.end(err)
		_ = logEnd(srv, call, info, func(any, grpc.ServerStream) error { return err }) // err itself
		return err
	}
}

// chained returns an interceptor that is all of the given ones, the outermost first.
func chained(list []grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	if len(list) == 1 {
		return list[0]
	}
	inner := chained(list[1:])
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return list[0](srv, stream, info, func(srv any, stream grpc.ServerStream) error { return inner(srv, stream, info, handler) })
	}
}

// watchCall is a call of WatchEvents: its stream, and what the log tells of it.
type watchCall struct {
	grpc.ServerStream
	ctx     context.Context //nolint:containedctx // it is what the stream has to return
	begin   time.Time
	traffic *traffic // nil until the stream is open
}

type watchCallKey struct{}

func newWatchCall(stream grpc.ServerStream) *watchCall {
	c := &watchCall{ServerStream: stream, begin: time.Now()}
	c.ctx = context.WithValue(withCaller(stream.Context()), watchCallKey{}, c)
	return c
}

// authorize returns why the caller may not make the call. It looks beside the goroutine of the call, as it takes a stack of some KB.
func (c *watchCall) authorize(s *Server) error {
	refused := make(chan error, 1)
	go func() {
		refused <- s.guard(c.ctx, func() error {
			_, err := s.authorize(c.ctx)
			return err
		})
	}()
	return <-refused
}

// Context implements grpc.ServerStream.
func (c *watchCall) Context() context.Context { return c.ctx }

// watchCallOf returns the call of this context; for a stream that was not called through gRPC, one that nobody looks at.
func watchCallOf(ctx context.Context) *watchCall {
	if c, ok := ctx.Value(watchCallKey{}).(*watchCall); ok {
		return c
	}
	return new(watchCall)
}

// watchLogging returns an interceptor that logs a call that has ended already.
func (s *Server) watchLogging() grpc.StreamServerInterceptor {
	logger, options := s.logging()
	return logging.StreamServerInterceptor(logger, append(options,
		logging.WithDurationField(func(time.Duration) logging.Fields { return nil }), // of the interceptor
		logging.WithFieldsFromContextAndCallMeta(func(ctx context.Context, _ interceptors.CallMeta) logging.Fields {
			return watchCallOf(ctx).logFields()
		}),
	)...)
}

// logFields tells how long the stream took, and what it brought.
func (c *watchCall) logFields() logging.Fields {
	fields := logging.DurationToDurationField(time.Since(c.begin))
	if c.traffic == nil {
		return fields
	}
	t := c.traffic.load()
	fields = append(fields, "events", t.Events)
	if t.Gaps > 0 {
		fields = append(fields, "gaps", t.Gaps, "lost", t.Lost)
	}
	return fields
}
