package server

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"time"

	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/logging"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/supervisor"
)

// versionHeader names the header that carries Config.Version.
const versionHeader = "taskvisor-version"

// grpcOptions are what the services rely on. Interceptors run in this order: those of the config see all; logging sees what the caller gets, who is known only once authentication
// has looked; nothing else is done for a caller who is refused; recovery is the innermost, next to the code that may panic.
func (s *Server) grpcOptions() []grpc.ServerOption {
	recoverer := recovery.WithRecoveryHandlerContext(s.recovered)
	logger, logOptions := s.logging()
	authUnary, authStream := s.authenticated()
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(slices.Concat(s.config.UnaryInterceptors, []grpc.UnaryServerInterceptor{
			noteUnary,
			s.logUnary(logging.UnaryServerInterceptor(logger, logOptions...)),
			authUnary,
			s.checkUnary,
			recovery.UnaryServerInterceptor(recoverer),
		})...),
		grpc.ChainStreamInterceptor(s.streamInterceptor(slices.Concat(s.config.StreamInterceptors, []grpc.StreamServerInterceptor{
			noteStream,
			logging.StreamServerInterceptor(logger, logOptions...),
			authStream,
			s.checkStream,
			s.endStream,
			recovery.StreamServerInterceptor(recoverer),
		})...)),
		s.keepalive(),
		grpc.ConnectionTimeout(s.config.HandshakeTimeout), // that of gRPC is two minutes
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
		grpc.MaxConcurrentStreams(s.config.MaxConcurrentStreams),
		grpc.MaxRecvMsgSize(MaxRequestBytes),
		grpc.ForceServerCodecV2(newCodec()),
	}
}

// keepalive: a watcher listens for hours; a peer that is gone says nothing. The defaults of gRPC are 2 h for a server that asks, and 5 min for a client
// that may.
func (s *Server) keepalive() grpc.ServerOption {
	return grpc.KeepaliveParams(keepalive.ServerParameters{Time: s.config.KeepaliveTime, Timeout: s.config.KeepaliveTimeout})
}

// refuse returns err as the status that the caller gets, and logs what only the log may tell.
func (s *Server) refuse(ctx context.Context, err error) error {
	st := statusOf(err)
	if st.Code() == codes.Internal {
		s.config.Logger.ErrorContext(ctx, "internal error", "error", err)
	}
	return st.Err()
}

// recovered turns a panic in a handler into an answer that tells nothing of the inside of the server.
func (s *Server) recovered(ctx context.Context, value any) error {
	s.panics.Add(1)
	s.config.Logger.ErrorContext(ctx, "panic in a call", "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
	return statusOf(fmt.Errorf("panic: %v", value)).Err()
}

// guard runs f and turns a panic into an error, as the interceptor does where it is in place.
func (s *Server) guard(ctx context.Context, f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = s.recovered(ctx, value)
		}
	}()
	return f()
}

// checkUnary checks and adorns what all calls have in common.
func (s *Server) checkUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if s.header != nil {
		_ = grpc.SetHeader(ctx, s.header) // fails only once headers were sent, and no handler did
	}
	if err := s.checkSize(req); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

// checkStream is checkUnary for streams.
func (s *Server) checkStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	_ = stream.SetHeader(s.header) // as above
	return handler(srv, &checkedStream{stream, s})
}

// newHeader returns what each answer begins with, nil for nothing.
func newHeader(version string) metadata.MD {
	if version == "" {
		return nil
	}
	return metadata.Pairs(versionHeader, version)
}

// checkedStream checks the size of what is received.
type checkedStream struct {
	grpc.ServerStream
	server *Server
}

// RecvMsg implements grpc.ServerStream.
func (c *checkedStream) RecvMsg(m any) error {
	if err := c.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	return c.server.checkSize(m)
}

// checkSize refuses a request that is too large.
func (s *Server) checkSize(req any) error {
	m, ok := req.(proto.Message)
	limit := s.config.MaxRequestBytes
	if !ok || limit == MaxRequestBytes {
		return nil // gRPC itself has checked
	}
	if size := proto.Size(m); size > limit {
		return statusOf(&limitError{reason: pb.ErrorReason_ERROR_REASON_SIZE_LIMIT, limit: limit,
			text: fmt.Sprintf("the request has %d bytes; send at most %d", size, limit)}).Err()
	}
	return nil
}

// logging returns how calls are logged: one line for each, when it ends.
func (s *Server) logging() (logging.Logger, []logging.Option) {
	logger := logging.LoggerFunc(func(ctx context.Context, level logging.Level, message string, fields ...any) {
		if isOverRate(fields) {
			level = logging.LevelDebug // they can be too many for a line each: see rates
		}
		fields = without(fields, "grpc.start_time", "grpc.error")
		if took, ok := ctx.Value(tookKey{}).(time.Duration); ok {
			duration := logging.DurationToDurationField(took)
			fields = append(without(fields, duration[0].(string)), duration...)
		}
		if principal := identityOf(ctx).Principal; principal != "" {
			fields = append(fields, "principal", cutText(principal, supervisor.MaxPrincipal))
		}
		s.config.Logger.Log(ctx, slog.Level(level), message, fields...)
	})
	return logger, []logging.Option{
		logging.WithLogOnEvents(logging.FinishCall),
		logging.WithLevels(logLevel),
		logging.WithErrorFields(errorFields),
		logging.WithDurationField(logging.DurationToDurationField),
		logging.WithDisableLoggingFields(logging.SystemTag[0], logging.ComponentFieldKey, logging.MethodTypeFieldKey),
		logging.WithFieldsFromContextAndCallMeta(func(_ context.Context, call interceptors.CallMeta) logging.Fields {
			return logFields(call.ReqOrNil)
		}),
	}
}

// logUnary logs calls by an interceptor of package logging, and only those of which there is to be a line: the interceptor makes all of a line, and
// half of it before the call, also where nobody wants to see it. That is the larger part of what interceptors cost a call. So it comes when the call has
// ended, and is told how long that took.
func (s *Server) logUnary(log grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		begin := time.Now()
		answer, err := handler(ctx, req)
		if s.config.Logger.Enabled(ctx, slog.Level(logLevel(logging.DefaultErrorToCode(err)))) {
			ctx = context.WithValue(ctx, tookKey{}, time.Since(begin))
			return log(ctx, req, info, func(context.Context, any) (any, error) { return answer, err })
		}
		return answer, err
	}
}

// tookKey is the context key of how long a call took that has ended.
type tookKey struct{}

// logLevel: what goes well is not worth a line by default, nor is a caller who leaves; a mistake of a caller may be, for who is asked about it.
func logLevel(code codes.Code) logging.Level {
	switch code {
	case codes.OK, codes.Canceled:
		return logging.LevelDebug
	case codes.ResourceExhausted, codes.DeadlineExceeded:
		return logging.LevelWarn
	case codes.Internal, codes.Unknown, codes.DataLoss:
		return logging.LevelError
	default:
		return logging.LevelInfo
	}
}

// errorFields tells why a call was refused, in the words that the caller got. What the interceptor writes by itself repeats the code in
// front of them.
func errorFields(err error) logging.Fields {
	st := status.Convert(err)
	fields := logging.Fields{"error", st.Message()}
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			fields = append(fields, "reason", info.GetReason())
		}
	}
	return fields
}

// isOverRate recognises the fields of a call that was refused since there are too many.
func isOverRate(fields []any) bool {
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "reason" {
			return fields[i+1] == reasonName(pb.ErrorReason_ERROR_REASON_RATE_LIMIT)
		}
	}
	return false
}

// without returns the fields, names and values in turn, without those of these names.
func without(fields []any, names ...string) (rest []any) {
	for i := 0; i+1 < len(fields); i += 2 {
		if name, ok := fields[i].(string); !ok || !slices.Contains(names, name) {
			rest = append(rest, fields[i], fields[i+1])
		}
	}
	return rest
}

// logFields names the task that a request is about.
func logFields(req any) logging.Fields {
	var name, uid string
	switch r := req.(type) {
	case *pb.AddTaskRequest:
		name = r.GetTask().GetName()
	case *pb.RemoveTaskRequest:
		name, uid = r.GetName(), r.GetUid()
	}
	var fields logging.Fields
	if name != "" {
		fields = append(fields, "task", cutText(name, maxMessageBytes))
	}
	if uid != "" {
		fields = append(fields, "uid", cutText(uid, maxMessageBytes))
	}
	return fields
}
