package client_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/taskvisor/taskvisor/client"
	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// failing counts calls and answers the first ones with errors.
type failing struct {
	calls  int
	errors []error
}

// next returns the error of the next call, nil when there are no more.
func (f *failing) next() error {
	f.calls++
	if f.calls <= len(f.errors) {
		return f.errors[f.calls-1]
	}
	return nil
}

// TestRetry is the table of which calls are repeated after which errors. Each call is made with the same script of errors.
func TestRetry(t *testing.T) {
	unavailable, broken := status.Error(codes.Unavailable, "no server"), status.Error(codes.Internal, "broken")
	calls := map[string]func(ctx context.Context, c *client.Client) error{
		"add": func(ctx context.Context, c *client.Client) error {
			_, err := c.Add(ctx, &pb.AddTaskRequest{Task: &pb.TaskSpec{Name: "t"}})
			return err
		},
		"rehearsed add": func(ctx context.Context, c *client.Client) error {
			_, err := c.Add(ctx, &pb.AddTaskRequest{Task: &pb.TaskSpec{Name: "t"}, ValidateOnly: true})
			return err
		},
		"remove by uid": func(ctx context.Context, c *client.Client) error {
			_, err := c.Remove(ctx, &pb.RemoveTaskRequest{Uid: "u"})
			return err
		},
		"remove by name": func(ctx context.Context, c *client.Client) error {
			_, err := c.Remove(ctx, &pb.RemoveTaskRequest{Name: "t"})
			return err
		},
		"list": func(ctx context.Context, c *client.Client) error {
			for _, err := range c.List(ctx, nil) {
				return err
			}
			return nil
		},
		"cursor": func(ctx context.Context, c *client.Client) error {
			_, err := c.Cursor(ctx)
			return err
		},
	}
	for _, tt := range []struct {
		name   string
		errors []error
		calls  int  // that are made of one that may be repeated
		works  bool // in the end
		once   bool // of one that may not: whether it works
	}{
		{"no error", nil, 1, true, true},
		{"one", []error{unavailable}, 2, true, false},
		{"a shutdown", []error{errShutdown}, 2, true, false},
		{"three", []error{unavailable, unavailable, errShutdown}, 4, true, false},
		{"four", []error{unavailable, unavailable, unavailable, unavailable}, 4, false, false},
		{"another code", []error{broken}, 1, false, false},
		{"another code later", []error{unavailable, broken}, 2, false, false},
	} {
		for name, call := range calls {
			synctest.Test(t, func(t *testing.T) {
				f := &failing{errors: tt.errors}
				c := dialScripted(t, &scripted{
					list:   func(*pb.ListTasksRequest) (*pb.ListTasksResponse, error) { return &pb.ListTasksResponse{}, f.next() },
					add:    func(*pb.AddTaskRequest) (*pb.AddTaskResponse, error) { return &pb.AddTaskResponse{}, f.next() },
					remove: func(*pb.RemoveTaskRequest) (*pb.RemoveTaskResponse, error) { return &pb.RemoveTaskResponse{}, f.next() },
				})
				err := call(t.Context(), c)
				wantCalls, works := tt.calls, tt.works
				if name == "remove by name" {
					wantCalls, works = 1, tt.once
				}
				if f.calls != wantCalls || (err == nil) != works {
					t.Errorf("%s, %s: %d calls and %v, want %d calls, success %t", name, tt.name, f.calls, err, wantCalls, works)
				}
			})
		}
	}
}

func TestRetryWaitsBetweenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var times []time.Time
		c := dialScripted(t, &scripted{list: func(*pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
			times = append(times, time.Now())
			return nil, status.Error(codes.Unavailable, "")
		}}, client.WithRetry(client.Retry{Attempts: 5, FirstDelay: time.Second, MaxDelay: 3 * time.Second}))
		if _, err := c.Cursor(t.Context()); status.Code(err) != codes.Unavailable || len(times) != 5 {
			t.Fatalf("%v after %d attempts", err, len(times))
		}
		for i, full := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 3 * time.Second} {
			if d := times[i+1].Sub(times[i]); d < full/2 || d > full {
				t.Errorf("pause %d is %s, want %s to %s", i, d, full/2, full)
			}
		}
	})
}

func TestRetryEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		c := dialScripted(t, &scripted{list: func(*pb.ListTasksRequest) (*pb.ListTasksResponse, error) {
			return nil, status.Error(codes.Unavailable, "")
		}}, client.WithRetry(client.Retry{FirstDelay: time.Hour, MaxDelay: time.Hour}))
		if _, err := c.Cursor(ctx); err == nil || time.Since(begin) != time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
	})
}

// "A request without an id gets one, so that it can be sent again when the answer is lost."
func TestAddSendsTheSameRequestIDAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ids []string
		f := &failing{errors: []error{status.Error(codes.Unavailable, ""), nil, status.Error(codes.Unavailable, "")}}
		c := dialScripted(t, &scripted{add: func(req *pb.AddTaskRequest) (*pb.AddTaskResponse, error) {
			ids = append(ids, req.GetRequestId())
			return &pb.AddTaskResponse{Task: &pb.Task{Name: req.GetTask().GetName()}}, f.next()
		}})
		req := &pb.AddTaskRequest{Task: &pb.TaskSpec{Name: "t"}}
		before := proto.CloneOf(req)
		for range 2 {
			if task, err := c.Add(t.Context(), req); err != nil || task.GetName() != "t" {
				t.Errorf("got %v, %v", task, err)
			}
		}
		if len(ids) != 4 || ids[0] == "" || ids[0] != ids[1] || ids[2] != ids[3] || ids[0] == ids[2] {
			t.Errorf("request ids %q: want two pairs", ids)
		}
		if !proto.Equal(req, before) {
			t.Errorf("the request was changed to %v", req)
		}
		ids = nil
		for _, req := range []*pb.AddTaskRequest{{RequestId: "mine"}, {ValidateOnly: true}} {
			if _, err := c.Add(t.Context(), req); err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(ids, []string{"mine", ""}) {
			t.Errorf("request ids %q, want the one of the caller, and none where nothing is added", ids)
		}
	})
}
