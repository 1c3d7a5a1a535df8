package metrics_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"google.golang.org/grpc"

	"github.com/taskvisor/taskvisor/server"
	"github.com/taskvisor/taskvisor/server/metrics"
	"github.com/taskvisor/taskvisor/supervisor"
)

// A server whose metrics are scraped.
func Example() {
	sup, err := supervisor.New(supervisor.Config{})
	if err != nil {
		panic(err)
	}
	m := metrics.New()
	srv := server.New(sup, nil, server.Config{
		UnaryInterceptors:  []grpc.UnaryServerInterceptor{m.UnaryInterceptor()},
		StreamInterceptors: []grpc.StreamServerInterceptor{m.StreamInterceptor()},
	})
	if err := m.Observe(sup, srv); err != nil {
		panic(err)
	}
	ctx := context.Background()
	err = sup.Run(ctx, supervisor.Once("greet", supervisor.TaskFunc(func(context.Context) error { return nil })))
	if err != nil {
		panic(err)
	}
	_ = srv.Shutdown(ctx) // until then, counters may be behind by an event or two

	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", http.NoBody))
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "taskvisor_tasks_ended_total") {
			fmt.Println(lines.Text())
		}
	}
	// Output:
	// taskvisor_tasks_ended_total{outcome="ABANDONED"} 0
	// taskvisor_tasks_ended_total{outcome="CANCELED"} 0
	// taskvisor_tasks_ended_total{outcome="COMPLETED"} 1
	// taskvisor_tasks_ended_total{outcome="FAILED"} 0
	// taskvisor_tasks_ended_total{outcome="FATAL"} 0
	// taskvisor_tasks_ended_total{outcome="REJECTED"} 0
}
