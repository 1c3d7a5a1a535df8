// Package metrics tells Prometheus about a supervisor and its server.
//
// # Usage
//
//	m := metrics.New()
//	srv := server.New(sup, plugins, server.Config{
//		UnaryInterceptors:  []grpc.UnaryServerInterceptor{m.UnaryInterceptor()},
//		StreamInterceptors: []grpc.StreamServerInterceptor{m.StreamInterceptor()},
//	})
//	if err := m.Observe(sup, srv); err != nil {
//		return err
//	}
//	http.Handle("/metrics", m.Handler())
//
// # Metrics
//
// A test compares this list with what is exported. "a|b" are the values of a label.
//
// Tasks and attempts:
//
//	taskvisor_tasks{state=QUEUED|WAITING|RUNNING|BACKOFF|STOPPING|STUCK} gauge: live tasks
//	taskvisor_tasks_limit gauge: how many tasks may be live at once; missing without a limit
//	taskvisor_task_state_seconds_total{state} counter: time that tasks spent in a state, all tasks together; its rate is the average number of tasks in that state
//	taskvisor_tasks_added_total counter: tasks that were added
//	taskvisor_tasks_ended_total{outcome=COMPLETED|FAILED|FATAL|CANCELED|REJECTED|ABANDONED} counter: lives of tasks that ended
//	taskvisor_attempts_started_total counter: attempts that began
//	taskvisor_attempt_duration_seconds{result=stopped|failed|timed_out} histogram: duration of attempts that ended; those that succeeded or were canceled have stopped
//	taskvisor_attempt_timeouts_total counter: attempts that reached their timeout
//	taskvisor_restarts_total{cause=success|failure|timeout|schedule} counter: attempts that were scheduled after a wait, by what that is for: how
//	    the attempt before ended, or the next time of a schedule, the first included
//	taskvisor_restart_delay_seconds_total{cause} counter: delays of these: intervals after a success, backoff, or until the next time of a schedule
//	taskvisor_grace_exceeded_total counter: times that a body ignored its cancellation for the whole grace period
//	taskvisor_permits gauge: how many attempts may run at once; missing without a limit
//	taskvisor_permits_held gauge: permits that attempts hold, stuck ones included; missing without a limit
//	taskvisor_slot_rejections_total{reason=SLOT_BUSY|QUEUE_FULL|SUPERSEDED|SHUTDOWN|PURGED} counter: tasks that a slot refused
//	taskvisor_output_lines_total counter: lines that bodies wrote and that became events
//	taskvisor_output_lines_lost_total counter: lines that bodies wrote faster than the limit
//
// Events:
//
//	taskvisor_events_published_total counter: events in the log since the start
//	taskvisor_event_buffer_size gauge: how many events the log keeps
//	taskvisor_subscriber_lost_events_total{subscriber} counter: events that subscribers inside the process lost; those of "metrics" are missing from the counters above
//	taskvisor_subscriber_panics_total{subscriber} counter: panics of subscribers
//
// Streams of events:
//
//	taskvisor_watch_streams gauge: open streams
//	taskvisor_watch_streams_opened_total counter: streams that were opened
//	taskvisor_watch_streams_ended_total{code} counter: calls that ended, by the code of gRPC; refused ones are among them
//	taskvisor_watch_max_lag_events gauge: how many events the stream that is furthest behind has yet to look at
//	taskvisor_watch_messages_total counter: messages that were sent
//	taskvisor_watch_events_total counter: events that were delivered
//	taskvisor_watch_bytes_total counter: bytes of the messages
//	taskvisor_watch_gaps_total counter: times that a stream had fallen behind the log
//	taskvisor_watch_lost_events_total counter: events that streams lost by that
//	taskvisor_watch_encoded_events_total counter: events that were encoded, each once for all streams
//	taskvisor_watch_encoded_bytes_total counter: bytes of the encoded events
//
// Calls other than WatchEvents, each with grpc_service, grpc_method and grpc_type:
//
//	grpc_server_started_total counter: calls that began
//	grpc_server_handled_total{grpc_code} counter: calls that ended
//	grpc_server_handling_seconds histogram: how long they took
//	grpc_server_msg_received_total counter: messages that were received
//	grpc_server_msg_sent_total counter: messages that were sent
//	taskvisor_rate_limited_calls_total counter: calls that were refused with RATE_LIMIT, streams of events included
//	taskvisor_panics_total counter: panics in calls, streams of events included
//
// The Go runtime and the process, with the usual names: go_… and process_….
//
// # Guarantees
//
//   - No label has the name of a task, of a caller or of anything else that callers choose: the number of series is bounded, at a few hundred.
//   - A scrape takes no lock of the engine, and a time that depends on the number of streams and not on that of tasks.
//   - Counters of tasks are counted from the events, in order, by one subscriber. When it falls behind the log, what it misses is missing from them,
//     and taskvisor_subscriber_lost_events_total{subscriber="metrics"} says how many events that were. Gauges are exact all the same.
//
// # Memory
//
// A series takes a few hundred bytes. Beside these, the UIDs of tasks whose running attempt has timed out are kept.
package metrics
