package server

import (
	"log/slog"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

// "The zero value works: each zero field stands for its default", and values out of range for what their comments say.
func TestConfigDefaults(t *testing.T) {
	defaults := Config{
		Logger: slog.Default(), MaxStreams: 10_000, MaxStreamsPerPrincipal: 1_000, MaxConcurrentStreams: 2_000, MaxRequestBytes: 1 << 20,
		MaxRequestIDs: 100_000, DrainTimeout: 5 * time.Second, Linger: 2 * time.Millisecond, KeepaliveTime: 30 * time.Second,
		KeepaliveTimeout: 10 * time.Second, HandshakeTimeout: 10 * time.Second,
	}
	given := Config{
		Logger: slog.New(slog.DiscardHandler), Version: "v1", MaxStreams: -1, MaxStreamsPerPrincipal: -1, MaxConcurrentStreams: 1, MaxRequestBytes: 2, MaxRequestIDs: -1,
		DrainTimeout: 3, Linger: -1, KeepaliveTime: time.Second, KeepaliveTimeout: 1, HandshakeTimeout: 1,
	}
	for name, test := range map[string]struct{ config, want Config }{
		"zero":     {Config{}, defaults},
		"defaults": {defaults, defaults},
		"given":    {given, given},
	} {
		if got := test.config.withDefaults(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
	for _, beyond := range []int{-1, 4<<20 + 1} {
		if got := (Config{MaxRequestBytes: beyond}).withDefaults().MaxRequestBytes; got != 4<<20 {
			t.Errorf("MaxRequestBytes %d becomes %d", beyond, got)
		}
	}
	if got := (Config{DrainTimeout: -1}).withDefaults().DrainTimeout; got != 5*time.Second {
		t.Errorf("DrainTimeout -1 becomes %v", got)
	}
	if got := (Config{KeepaliveTime: 1}).withDefaults().KeepaliveTime; got != time.Second {
		t.Errorf("KeepaliveTime 1ns becomes %v", got)
	}
	if got := (Config{Linger: time.Second}).withDefaults().Linger; got != 100*time.Millisecond {
		t.Errorf("Linger 1s becomes %v", got)
	}
}

// Handlers of somebody else's services may never return; a shutdown that has waited for everything else does not wait for them for ever.
func TestShutdownWaitsForHandlersWithPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandlers()
		release := make(chan struct{})
		slow := func() { <-release }
		if !h.run(slow) || !h.run(func() {}) {
			t.Error("handlers do not run")
		}
		begin := time.Now()
		h.wait()
		if waited := time.Since(begin); waited != handlerPatience {
			t.Errorf("waited for %v", waited)
		}
		if h.run(slow) {
			t.Error("a handler began after the end")
		}
		close(release)
		h.wait()
		h.wait()
		if waited := time.Since(begin); waited != handlerPatience {
			t.Errorf("waited for %v, though all have returned", waited)
		}
	})
}
