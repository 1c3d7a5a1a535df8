package server

import "runtime"

// unaryStack is how much stack a unary call is given at once: with what lies below it, AddTask and its interceptors need more than 8 KiB and less
// than 16.
const unaryStack = 9 << 10

// growStack makes room on the stack of the goroutine. A goroutine begins with little and doubles it on the way down, and each time all frames
// are copied and their pointers adjusted: for a call behind five interceptors that takes longer than the call itself. This close to its
// beginning there is hardly anything to copy, and once is enough.
//
//go:noinline
func growStack() {
	var room [unaryStack]byte
	runtime.KeepAlive(&room)
}
