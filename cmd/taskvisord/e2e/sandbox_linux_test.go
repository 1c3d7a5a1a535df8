//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// sandbox is a program in a world of its own, as one in a container is: the test binary, started in new namespaces, makes that world as it is written
// here, and then becomes the program.
type sandbox struct {
	Root    string   // becomes /; empty: the one that there is, for the user that there is
	Frozen  bool     // nothing in it can be written, but for mounts
	Mounts  []volume // over what is in Root
	Network int      // process whose network it shares; 0: one of its own, in which there is loopback
	Host    bool     // the network is that of the test
	Image   *imageBuild
	UID     int // and GID, in no other group
	Group   int // one more group; 0 for none
	Args    []string
	Env     []string
}

// volume is a folder that is mounted.
type volume struct {
	Source, Target string
	ReadOnly       bool
}

// sandboxName is that of the test binary when it is to make one.
const sandboxName = "taskvisor-e2e-sandbox"

// needNamespaces skips a test where there may be no namespaces.
func needNamespaces(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("namespaces, mounts and other users are for root; run make e2e as root, in a container with CAP_SYS_ADMIN or on the machine itself")
	}
	try := exec.CommandContext(t.Context(), "true")
	try.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces | syscall.CLONE_NEWNET}
	if err := try.Run(); err != nil {
		t.Skipf("this kernel or container gives no namespaces: %v", err)
	}
}

const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

// command returns what starts the sandbox. Its process is process 1 of its namespace.
func (s *sandbox) command(t *testing.T) func(ctx context.Context) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "/proc/self/exe", string(text))
		cmd.Args[0] = sandboxName
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
		if s.Network == 0 && !s.Host {
			cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNET
		}
		return cmd
	}
}

// start starts it.
func (s *sandbox) start(t *testing.T) *process {
	t.Helper()
	return startCommand(t, s.command(t))
}

// enterSandbox makes the world and becomes the program, if that is what this process was started for.
func enterSandbox() {
	if os.Args[0] != sandboxName {
		return
	}
	var s sandbox
	err := json.Unmarshal([]byte(os.Args[1]), &s)
	if err == nil {
		err = s.enter()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(125)
	}
	os.Exit(0)
}

func (s *sandbox) enter() error {
	runtime.LockOSThread() // it is this thread that changes its world and becomes the program
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts to oneself: %w", err)
	}
	if s.Image != nil {
		return s.Image.build()
	}
	for _, step := range []func() error{s.joinNetwork, s.mount, s.become} {
		if err := step(); err != nil {
			return err
		}
	}
	return unix.Exec(s.Args[0], s.Args, s.Env)
}

// joinNetwork shares a network, or brings up the loopback interface of an own one.
func (s *sandbox) joinNetwork() error {
	if s.Host {
		return nil
	}
	if s.Network != 0 {
		network, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", s.Network))
		if err != nil {
			return err
		}
		defer network.Close()
		return os.NewSyscallError("setns", unix.Setns(int(network.Fd()), unix.CLONE_NEWNET))
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(socket)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	loopback.SetUint16(unix.IFF_UP)
	return os.NewSyscallError("bring up lo", unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback))
}

// mount puts the root together.
func (s *sandbox) mount() error {
	if s.Root == "" {
		return nil
	}
	if err := bind(s.Root, s.Root, false); err != nil {
		return err
	}
	proc := filepath.Join(s.Root, "proc")
	if err := os.MkdirAll(proc, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("proc", proc, "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	// Runtimes give a few devices; these are all.
	for _, v := range append([]volume{{"/dev", "/dev", false}}, s.Mounts...) {
		target := filepath.Join(s.Root, v.Target)
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		if err := bind(v.Source, target, v.ReadOnly); err != nil {
			return err
		}
	}
	if s.Frozen {
		return readOnly(s.Root)
	}
	return nil
}

func bind(source, target string, frozen bool) error {
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
	if frozen {
		return readOnly(target)
	}
	return nil
}

func readOnly(target string) error {
	if err := unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", target, err)
	}
	return nil
}

// become changes the root and the user.
func (s *sandbox) become() error {
	if s.Root == "" {
		return nil
	}
	var groups []int
	if s.Group != 0 {
		groups = append(groups, s.Group)
	}
	if err := unix.Chroot(s.Root); err != nil {
		return os.NewSyscallError("chroot", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return os.NewSyscallError("chdir", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("no_new_privs", err)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return os.NewSyscallError("setgroups", err)
	}
	if err := syscall.Setgid(s.UID); err != nil {
		return os.NewSyscallError("setgid", err)
	}
	return os.NewSyscallError("setuid", syscall.Setuid(s.UID))
}
