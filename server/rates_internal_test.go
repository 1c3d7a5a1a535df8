package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/peer"
)

// takeN takes n tokens for a principal, and returns how many there were.
func takeN(r *rates, principal string, n int) (taken int) {
	for range n {
		if r.take(context.Background(), Identity{Principal: principal}) == nil {
			taken++
		}
	}
	return taken
}

// Over time a source gets its rate and one bucket more, whenever its bucket was forgotten meanwhile.
func TestForgottenBucketsGiveNothingAway(t *testing.T) {
	for _, pause := range []time.Duration{100 * time.Millisecond, 900 * time.Millisecond, time.Second, 1100 * time.Millisecond, 2500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			const perSecond, visits = 10, 50
			r := newRates(perSecond, slog.New(slog.DiscardHandler))
			begin, taken := time.Now(), 0
			for range visits {
				takeN(r, "another, who turns the generations", 1)
				taken += takeN(r, "a", 3*perSecond)
				time.Sleep(pause)
			}
			if most := perSecond + int(time.Since(begin).Seconds()*perSecond); taken > most {
				t.Errorf("every %s: %d calls in %s, at most %d may be", pause, taken, time.Since(begin), most)
			}
			if least := int(min(pause.Seconds(), 1) * perSecond * (visits - 1)); taken < least {
				t.Errorf("every %s: %d calls in %s, at least %d may be", pause, taken, time.Since(begin), least)
			}
		})
	}
}

// "A generation has maxSources buckets at most", and sources beyond that share one.
func TestBucketsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRates(2, slog.New(slog.DiscardHandler))
		for range 3 {
			crowd := 0
			for i := range maxSources + 100 {
				crowd += takeN(r, fmt.Sprint(i), 2)
			}
			if crowd != 2*maxSources+2 {
				t.Errorf("%d calls of a crowd are let in", crowd)
			}
			if n, m := len(r.recent), len(r.former); n != maxSources || m > maxSources {
				t.Errorf("%d and %d buckets", n, m)
			}
			time.Sleep(generation)
		}
		time.Sleep(generation)
		takeN(r, "a", 1)
		if n, m := len(r.recent), len(r.former); n != 1 || m != 0 {
			t.Errorf("%d and %d buckets are kept of a crowd that has left", n, m)
		}
	})
}

func TestSources(t *testing.T) {
	at := func(addr net.Addr) context.Context {
		return peer.NewContext(context.Background(), &peer.Peer{Addr: addr})
	}
	tcp := func(ip string, port int) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: port, Zone: ""} }
	for _, test := range []struct {
		ctx       context.Context
		principal string
		want      source
	}{
		{at(tcp("192.0.2.7", 1)), "", source{address: "192.0.2.7"}},
		{at(tcp("192.0.2.7", 2)), "", source{address: "192.0.2.7"}},
		{at(tcp("::ffff:192.0.2.7", 2)), "", source{address: "192.0.2.7"}},
		{at(tcp("2001:db8:1:2:3:4:5:6", 1)), "", source{address: "2001:db8:1:2::/64"}},
		{at(tcp("2001:db8:1:2:9::", 1)), "", source{address: "2001:db8:1:2::/64"}},
		{at(tcp("::1", 1)), "", source{address: "::1"}},
		{at(&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}), "", source{address: "fe80::/64"}},
		{at(&net.UnixAddr{Name: "@", Net: "unix"}), "", source{address: "@"}},
		{at(tcp("192.0.2.7", 1)), "ann", source{principal: "ann"}},
		{context.Background(), "", source{}},
		{at(nil), "", source{}},
	} {
		if got := sourceOf(test.ctx, Identity{Principal: test.principal}); got != test.want {
			t.Errorf("got %+v, want %+v", got, test.want)
		}
	}
}
