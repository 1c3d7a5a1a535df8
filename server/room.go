package server

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// room is what is left of a message that is to stay below a number of encoded bytes.
type room struct {
	left  int
	taken bool
}

func newRoom(bytes int) room { return room{left: bytes} }

// take takes the room that m needs as an element of a repeated field, and reports whether there was enough. The first element always fits,
// or it could never be sent.
func (r *room) take(m proto.Message) bool {
	const tag = 1 // of a field with a number up to 15
	size := tag + protowire.SizeBytes(proto.Size(m))
	if r.taken && size > r.left {
		return false
	}
	r.left -= size
	r.taken = true
	return true
}
