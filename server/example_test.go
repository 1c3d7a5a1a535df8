package server_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/supervisor"
	"github.com/taskvisor/taskvisor/supervisor/plugin"
	"github.com/taskvisor/taskvisor/supervisor/plugins/sleep"
)

// A server of one's own, here on a listener in memory, and a client that adds a task and watches it to the end.
func Example() {
	sup := must(supervisor.New(supervisor.Config{}))
	plugins := must(plugin.NewRegistry(sleep.New()))
	srv := server.New(sup, plugins, server.Config{Logger: quiet})
	listener := bufconn.Listen(1 << 16)
	served := make(chan error, 1)
	go func() { served <- srv.NewGRPCServer().Serve(listener) }()

	conn := must(grpc.NewClient("passthrough:///memory", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })))
	watchATask(context.Background(), pb.NewSupervisorServiceClient(conn))

	if err := srv.Shutdown(context.Background()); err != nil {
		log.Print(err)
	}
	fmt.Println("served:", <-served)
	if err := conn.Close(); err != nil {
		log.Print(err)
	}
	// Output:
	// EVENT_KIND_TASK_ADD_REQUESTED
	// EVENT_KIND_TASK_ADDED
	// EVENT_KIND_TASK_STARTING
	// EVENT_KIND_TASK_STOPPED
	// EVENT_KIND_ACTOR_EXHAUSTED
	// EVENT_KIND_TASK_REMOVED
	// served: <nil>
}

func watchATask(ctx context.Context, tasks pb.SupervisorServiceClient) {
	stream := must(tasks.WatchEvents(ctx, &pb.WatchEventsRequest{}))
	must(stream.Header()) // from here on nothing is missed
	config := must(structpb.NewStruct(map[string]any{"duration": "1ms"}))
	must(tasks.AddTask(ctx, &pb.AddTaskRequest{Task: &pb.TaskSpec{Name: "nap", Plugin: "sleep", Config: config}}))
	for {
		for _, e := range must(stream.Recv()).GetEvents() {
			fmt.Println(e.GetKind())
			if e.GetKind() == pb.EventKind_EVENT_KIND_TASK_REMOVED {
				return
			}
		}
	}
}
