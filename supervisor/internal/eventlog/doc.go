// Package eventlog is a bounded log of values in memory that any number of readers follow, each at a pace of its own.
//
// # Usage
//
// [New] makes a [Log]. [Log.Append] adds a value, [Log.AppendAll] some that belong together; each gets the next sequence. A [Reader]
// is a position in the log: [Log.NewReader] puts it after a given sequence, [Reader.Next] waits for what follows, [Reader.TryNext]
// does not wait, and [Reader.Ready] is for a goroutine that has other things to wait for as well. [Log.Close] is the end of the log.
//
// # Guarantees
//
//   - Sequences begin at 1 and have no holes. The order of the sequences is the order of delivery, the same for every reader.
//   - A reader gets every value after its cursor exactly once, or is told in a [Gap] exactly which ones it lost.
//   - A reader that has fallen off the log goes on with the oldest value that is kept: the newest capacity values always are.
//   - No append waits for a reader. It costs the same with none and with 10,000 that are behind or do not read at all; when readers
//     are waiting, one append of many starts a goroutine that wakes them.
//   - A reader never misses a wake-up.
//   - Closing the log loses nothing: readers get the rest, and only then [ErrClosed].
//   - Once the log has done its first lap, nothing allocates: no append, no read, no wait. (The one exception is an append that comes
//     a whole lap after a reader was stopped by the scheduler in the middle of a copy, and needs that place.)
//
// # What callers owe
//
// Values are copied shallowly into the log and out of it: what they refer to must not change after the append. The stamp function
// runs under the log's lock; it must be short and must not call the log. A Reader belongs to one goroutine and must not be copied. A
// reader that is given up while it is armed should be closed; one that is not stays known to the log until the next append.
//
// # Memory bounds
//
// A log grows in segments of 64 values (of the capacity, if that is less) until it holds its capacity and one segment more; then it
// uses the oldest segment again. A value is referenced until another one is written in its place, at most capacity + 64 appends later,
// and the last ones as long as the log itself. A reader holds nothing in the log, except during a copy: then, if the log has come
// round, one segment in addition to the above. There is no queue for each reader, so nothing grows with their number but the list of
// those that wait, which are part of the readers themselves.
//
// # Debugging
//
// Losses are in the gaps; a consumer counts them. A large gap beside a small buffer says that the reader is slow, many small ones
// that the capacity is too small for its bursts. A log has no goroutine of its own while nothing happens, so that none shows in a
// dump; readers that wait are in Next or in the caller's select.
//
// # Testing
//
// All waiting is on channels and the log knows no clock, so that it works in a [testing/synctest] bubble; a log and its readers must
// be made and used in the same bubble. A test does not have to close a log unless goroutines wait in its readers.
package eventlog
