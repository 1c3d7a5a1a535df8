//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// TestFigures prints what the built daemon needs: the size of the file, the time from its start to the first answer that says SERVING, and the memory
// that it then has from the system. The size is always the same, and must be at most 16 MiB, the memory nearly so, and must be at most 20 MiB. The
// time depends on what else the machine does; it is printed, with the time that a program needs that does nothing, and judged by nobody.
func TestFigures(t *testing.T) {
	const mebibyte = 1 << 20
	info, err := os.Stat(bin.daemon)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 16*mebibyte {
		t.Errorf("the binary has %d bytes, which is more than 16 MiB", info.Size())
	}
	const rounds = 20
	var cold, nothing []time.Duration
	var memory []float64
	for range rounds {
		begin := time.Now()
		if err := exec.CommandContext(t.Context(), "true").Run(); err != nil {
			t.Fatal(err)
		}
		nothing = append(nothing, time.Since(begin))
		took, resident := coldStart(t)
		cold, memory = append(cold, took), append(memory, resident)
	}
	slices.Sort(memory)
	if memory[rounds/2] > 20 {
		t.Errorf("an idle daemon has %.1f MiB resident, which is more than 20", memory[rounds/2])
	}
	t.Logf("binary: %.1f MiB", float64(info.Size())/mebibyte)
	t.Logf("from the start to SERVING: median %s of %d, least %s; the program true: median %s",
		quantile(cold, 0.5), rounds, quantile(cold, 0), quantile(nothing, 0.5))
	t.Logf("idle: median %.1f MiB resident, most %.1f", memory[rounds/2], memory[rounds-1])
}

// coldStart starts a daemon that nobody has asked anything, asks for its health until it has any, and returns how long that took and how many MiB of
// memory it has then.
func coldStart(t *testing.T) (took time.Duration, resident float64) {
	t.Helper()
	address := freeAddress(t)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: time.Millisecond, Multiplier: 1, MaxDelay: time.Millisecond}, MinConnectTimeout: patience}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	begin := time.Now()
	p := startCommand(t, func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, bin.daemon, "--listen", address) })
	answer, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	took = time.Since(begin)
	if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("%v, %v", answer, err)
	}
	resident = residentOf(t, p.cmd.Process.Pid)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	return took, resident
}
