// Package top is the live full-screen view of taskvisor: the tasks with what they do, and what happens to them.
//
// # Where things are
//
//   - run.go: Run, which has the terminal. Bubble Tea reads keys, puts frames on the screen, and gives the terminal back whatever happens.
//   - source.go, following.go, past.go, feed.go: what comes from the server, gathered between two frames.
//   - model.go, keys.go, filter.go, rows.go, tail.go, history.go, link.go, inspection.go, remove.go: what is known, and what keys and news do to it.
//   - frame.go, table.go, tailview.go, foot.go, inspect.go, help.go: how it looks. paint.go, text.go: inks, and text that fits.
//   - words.go: what is asked of the command line, so that a state has one name everywhere.
//
// # Guarantees
//
//   - A frame shows the tasks as client.Follow knows them; that the connection is broken, that events were lost, and that the server is
//     another one, is shown as well.
//   - At most ten frames a second are drawn because of what happens, whatever happens, and none while nothing changes that is on the screen: what
//     counts down or grows older wakes the program when it reads differently, and not before.
//   - Only what is on the screen is drawn. Of 10,000 tasks the rest costs a sort by one number.
//   - Text of others is shown without control and format characters, and takes as many columns as the terminal has for it.
//   - A task is removed by its uid, once a question that names it was answered with y.
//
// # Memory
//
// The live tasks, as Follow holds them; 24 counters for each task that is started again; the last 1,000 events. Between two frames
// no more than that is gathered.
//
// # Testing
//
// The model is tested without a terminal: messages in, lines out, compared with the frames in testdata. After a change that is meant, go test
// ./cmd/taskvisor/internal/top -top.update writes them anew. A test in cmd/taskvisord/e2e has a real terminal, of tmux.
package top
