package supervisor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultSubscriberBuffer is how many events a subscriber may be behind, unless SubscribeOptions.Buffer says otherwise.
const DefaultSubscriberBuffer = 1024

// ErrSubscriberExists says that a subscriber of this name is subscribed already.
var ErrSubscriberExists = errors.New("a subscriber has this name")

// Subscriber observes events inside the process.
type Subscriber interface {
	// Name tells subscribers apart, in SubscriberOverflow, SubscriberPanicked and errors. It must not change.
	Name() string
	// OnEvent is called with one event after the other, in the order of their sequences, by a goroutine that serves only this
	// subscriber. It may take its time: it slows nothing down, though a subscriber that falls too far behind loses events. A panic is
	// caught and published.
	OnEvent(Event)
}

// SubscribeOptions say what a subscriber gets.
type SubscribeOptions struct {
	// Buffer is how many events the subscriber may be behind before it loses the oldest of those. Default: 1,024. At most
	// Config.EventBuffer: nothing is kept for a subscriber that the event log does not keep anyway.
	Buffer int
	// Oldest: begin with the oldest event that is kept, not with the next. Buffer bounds that too.
	Oldest bool
}

// Subscription is a subscriber at work.
type Subscription struct {
	sup        *Supervisor
	subscriber Subscriber
	name       string
	buffer     uint64
	reader     *Reader // belongs to the goroutine that runs deliver
	cancel     context.CancelFunc
	done       chan struct{}
}

// subscriptions are the subscribers at work.
type subscriptions struct {
	mu     sync.Mutex // guards what is below; taken after no other lock, and held for no call of a subscriber
	byName map[string]*Subscription
}

// Subscribe lets a subscriber have the events from now on, until Subscription.Close or until it has had the last event of a supervisor that
// was shut down. Errors: ErrSubscriberExists; *SpecError for bad options.
func (s *Supervisor) Subscribe(subscriber Subscriber, opts SubscribeOptions) (*Subscription, error) {
	var v violations
	v.check(opts.Buffer >= 0, "buffer", "%d is negative; give 1 or more, or 0 for %d", opts.Buffer, DefaultSubscriberBuffer)
	if err := v.err(); err != nil {
		return nil, err
	}
	setDefault(&opts.Buffer, DefaultSubscriberBuffer)
	ctx, cancel := context.WithCancel(context.Background())
	sub := &Subscription{
		sup: s, subscriber: subscriber, name: subscriber.Name(), buffer: uint64(opts.Buffer),
		cancel: cancel, done: make(chan struct{}),
	}
	s.subscriptions.mu.Lock()
	defer s.subscriptions.mu.Unlock()
	if s.subscriptions.byName[sub.name] != nil {
		cancel()
		return nil, fmt.Errorf("subscriber %q: %w", sub.name, ErrSubscriberExists)
	}
	s.subscriptions.byName[sub.name] = sub
	sub.reader = s.reader(s.log.Last())
	if opts.Oldest {
		sub.reader = s.reader(s.log.Oldest() - 1)
	}
	go sub.run(ctx)
	return sub, nil
}

// Close ends the subscription: OnEvent is not called again once a call that is under way returns. It does not wait for that; Done tells.
func (sub *Subscription) Close() { sub.cancel() }

// Done returns a channel that is closed when OnEvent will not be called any more.
func (sub *Subscription) Done() <-chan struct{} { return sub.done }

func (sub *Subscription) run(ctx context.Context) {
	defer close(sub.done)
	defer sub.forget()
	defer sub.cancel()
	buf := make([]Event, min(sub.buffer, 64))
	for {
		sub.bound(buf)
		n, gap, err := sub.reader.Next(ctx, buf)
		if err != nil {
			return // closed, or all is read
		}
		if lost := gap.Count(); lost > 0 {
			sub.overflow(lost)
		}
		for i := range buf[:n] {
			if ctx.Err() != nil {
				return
			}
			sub.deliver(&buf[i])
		}
		clear(buf[:n]) // keeps nothing alive while it waits
	}
}

// bound drops the oldest events that wait for the subscriber when there are more than it may be behind. Those about subscribers are not
// counted as lost: the reports of two that fall behind would otherwise keep each other behind, for ever.
func (sub *Subscription) bound(buf []Event) {
	lost := uint64(0)
	for last := sub.sup.log.Last(); last-sub.reader.Cursor().Sequence > sub.buffer; {
		drop := min(last-sub.reader.Cursor().Sequence-sub.buffer, uint64(len(buf)))
		n, gap := sub.reader.log.TryNext(buf[:drop])
		lost += gap.Count()
		for i := range buf[:n] {
			if !buf[i].aboutSubscriber() {
				lost++
			}
		}
	}
	if lost > 0 {
		sub.overflow(lost)
	}
}

func (e *Event) aboutSubscriber() bool {
	return e.Kind == SubscriberOverflow || e.Kind == SubscriberPanicked
}

func (sub *Subscription) overflow(lost uint64) {
	sub.sup.log.Append(&Event{Kind: SubscriberOverflow, Subscriber: sub.name, Lost: lost})
}

// deliver hands an event to the subscriber. A panic is published, unless the event itself told of a panic: two subscribers that panic would feed
// on each other's panics for ever.
func (sub *Subscription) deliver(e *Event) {
	if e.Kind == SubscriberPanicked && e.Subscriber == sub.name {
		return
	}
	defer func() {
		if p := recover(); p != nil && e.Kind != SubscriberPanicked {
			sub.sup.log.Append(&Event{Kind: SubscriberPanicked, Subscriber: sub.name, Reason: panicReason(p)})
		}
	}()
	sub.subscriber.OnEvent(*e)
}

func (sub *Subscription) forget() {
	sub.reader.Close()
	all := &sub.sup.subscriptions
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.byName, sub.name)
}

// DrainError names the subscribers that had not taken the last events when Config.DrainTimeout was over.
type DrainError struct{ Subscribers []string }

// Error names the subscribers.
func (e *DrainError) Error() string {
	return fmt.Sprintf("%d subscribers did not take the last events in time: %s", len(e.Subscribers), strings.Join(e.Subscribers, ", "))
}

// drain waits until all subscribers have had the last event. The log is closed.
func (all *subscriptions) drain(limit time.Duration) error {
	all.mu.Lock()
	waiting := slices.SortedFunc(maps.Values(all.byName), func(a, b *Subscription) int { return strings.Compare(a.name, b.name) })
	all.mu.Unlock()
	if len(waiting) == 0 {
		return nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	late := &DrainError{}
	for _, sub := range waiting {
		if !sub.doneBy(timer.C, len(late.Subscribers) > 0) {
			late.Subscribers = append(late.Subscribers, sub.name)
			sub.cancel()
		}
	}
	if len(late.Subscribers) > 0 {
		return late
	}
	return nil
}

// doneBy waits for the end of the subscription, but not once the time is over.
func (sub *Subscription) doneBy(timeout <-chan time.Time, over bool) bool {
	if over {
		select {
		case <-sub.done:
			return true
		default:
			return false
		}
	}
	select {
	case <-sub.done:
		return true
	case <-timeout:
		return false
	}
}
