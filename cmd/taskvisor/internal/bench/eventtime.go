package bench

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// Fields of Event and Timestamp that hold the time of an event.
const (
	timeField    = 2
	secondsField = 1
	nanosField   = 2
)

// eachEventTime calls f with the time of each event of an encoded WatchEventsResponse, in nanoseconds since 1970. It looks at nothing else.
func eachEventTime(message []byte, f func(unixNano int64)) error {
	return eachField(message, func(number protowire.Number, event []byte, _ uint64) error {
		if number != eventsField {
			return nil
		}
		var at int64
		err := eachField(event, func(number protowire.Number, timestamp []byte, _ uint64) (err error) {
			if number == timeField {
				at, err = unixNano(timestamp)
			}
			return err
		})
		if err == nil {
			f(at)
		}
		return err
	})
}

func unixNano(timestamp []byte) (at int64, err error) {
	err = eachField(timestamp, func(number protowire.Number, _ []byte, value uint64) error {
		switch number {
		case secondsField:
			at += int64(value) * 1e9
		case nanosField:
			at += int64(value)
		}
		return nil
	})
	return at, err
}

// eachField calls f with each field of an encoded message: its bytes if it has a length, its value if it is a varint.
func eachField(message []byte, f func(number protowire.Number, content []byte, value uint64) error) error {
	for len(message) > 0 {
		number, kind, head := protowire.ConsumeTag(message)
		if head < 0 {
			return protowire.ParseError(head)
		}
		var content []byte
		var value uint64
		var size int
		message = message[head:]
		switch kind {
		case protowire.BytesType:
			content, size = protowire.ConsumeBytes(message)
		case protowire.VarintType:
			value, size = protowire.ConsumeVarint(message)
		default:
			size = protowire.ConsumeFieldValue(number, kind, message)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		if err := f(number, content, value); err != nil {
			return err
		}
		message = message[size:]
	}
	return nil
}
