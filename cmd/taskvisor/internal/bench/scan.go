package bench

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "github.com/taskvisor/taskvisor/gen/taskvisor/v1"
)

// Fields of WatchEventsResponse that are looked at.
const (
	eventsField = 1
	gapField    = 3
)

// counts is what a message has in it.
type counts struct {
	events uint64
	bytes  uint64 // of encoded events, without their tags and lengths
	lost   uint64 // events that a gap tells of
}

var errTruncated = errors.New("the message ends within a field")

// countEvents counts what is in an encoded WatchEventsResponse. It reads the top level only and copies nothing: it is what a client costs that
// costs next to nothing, so that a measurement is about the server.
func countEvents(data mem.BufferSlice) (c counts, err error) {
	w := walker{buffers: data}
	for w.more() {
		w.eatEvents(&c)
		if !w.more() {
			break
		}
		if err := w.field(&c); err != nil {
			return counts{}, err
		}
	}
	return c, nil
}

// walker goes through bytes that lie in several buffers, of which any may end within a field.
type walker struct {
	rest    []byte          // of the current buffer
	buffers mem.BufferSlice // those after it
}

// more makes sure that rest has a byte, and reports false at the end of the message.
func (w *walker) more() bool {
	for len(w.rest) == 0 {
		if len(w.buffers) == 0 {
			return false
		}
		w.rest, w.buffers = w.buffers[0].ReadOnlyData(), w.buffers[1:]
	}
	return true
}

// eatEvents takes the events that lie in the current buffer as a whole, up to the first field that is none or that is not there as a whole.
func (w *walker) eatEvents(c *counts) {
	const tag = eventsField<<3 | byte(protowire.BytesType)
	rest := w.rest
	for len(rest) > 2 && rest[0] == tag {
		size, head := int(rest[1]), 2
		if size >= 0x80 {
			if rest[2] >= 0x80 {
				break // 16 KiB or more, or no length at all
			}
			size, head = size&0x7f|int(rest[2])<<7, 3
		}
		if head+size > len(rest) {
			break
		}
		rest = rest[head+size:]
		c.events++
		c.bytes += uint64(size)
	}
	w.rest = rest
}

// field takes one field of any kind.
func (w *walker) field(c *counts) error {
	tag, err := w.varint()
	if err != nil {
		return err
	}
	number, kind := protowire.DecodeTag(tag)
	if number < protowire.MinValidNumber {
		return fmt.Errorf("%d is not the number of a field", number)
	}
	switch kind {
	case protowire.VarintType:
		_, err = w.varint()
		return err
	case protowire.Fixed32Type:
		return w.skip(4)
	case protowire.Fixed64Type:
		return w.skip(8)
	case protowire.BytesType:
		return w.bytesField(number, c)
	default:
		return fmt.Errorf("field %d has the wire type %d, which nothing in this message has", number, kind)
	}
}

func (w *walker) bytesField(number protowire.Number, c *counts) error {
	size, err := w.varint()
	if err != nil {
		return err
	}
	switch number {
	case eventsField:
		c.events++
		c.bytes += size
	case gapField:
		return w.gap(size, c)
	}
	return w.skip(size)
}

// gap adds the events that are lost. There is hardly ever one.
func (w *walker) gap(size uint64, c *counts) error {
	var encoded []byte
	for uint64(len(encoded)) < size {
		if !w.more() {
			return errTruncated
		}
		n := min(uint64(len(w.rest)), size-uint64(len(encoded)))
		encoded = append(encoded, w.rest[:n]...)
		w.rest = w.rest[n:]
	}
	var gap pb.Gap
	if err := proto.Unmarshal(encoded, &gap); err != nil {
		return fmt.Errorf("read the gap: %w", err)
	}
	c.lost += lostIn(&gap)
	return nil
}

func lostIn(gap *pb.Gap) uint64 {
	if gap == nil || gap.GetLast() < gap.GetFirst() {
		return 0
	}
	return gap.GetLast() - gap.GetFirst() + 1
}

func (w *walker) varint() (v uint64, err error) {
	for shift := 0; shift < 64; shift += 7 {
		if !w.more() {
			return 0, errTruncated
		}
		b := w.rest[0]
		w.rest = w.rest[1:]
		if shift == 63 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, errors.New("a number has more than 64 bits")
}

func (w *walker) skip(n uint64) error {
	for n > 0 {
		if !w.more() {
			return errTruncated
		}
		step := min(n, uint64(len(w.rest)))
		w.rest = w.rest[step:]
		n -= step
	}
	return nil
}
