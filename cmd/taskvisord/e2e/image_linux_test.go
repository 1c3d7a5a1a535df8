//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// imageBuild carries out the Dockerfile. It runs in a sandbox of its own, so that nothing is left of its mounts.
type imageBuild struct {
	Repository  string // absolute path
	Target      string // takes the files of the image
	Version     string
	Authorities string // in PEM, added to those of the machine
}

// build is what the process in the sandbox does. It prints the config of the image.
func (i *imageBuild) build() error {
	text, err := os.ReadFile(filepath.Join(i.Repository, "cmd", "taskvisord", "Dockerfile"))
	if err != nil {
		return err
	}
	world := &mountWorld{image: i, stages: map[string]string{"build": filepath.Join(i.Target, ".build", "root")}}
	config, err := build(readDockerfile(string(text)), world, map[string]string{
		"TARGETOS": runtime.GOOS, "TARGETARCH": runtime.GOARCH, "VERSION": i.Version,
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(config)
}

// mountWorld is one in which the image golang is a copy of this machine, which has Go and make as well.
type mountWorld struct {
	image  *imageBuild
	stages map[string]string
	root   string // of the present stage
}

func (w *mountWorld) begin(image string) error {
	if image == "scratch" {
		w.root = w.image.Target
		return nil
	}
	w.root = w.stages["build"]
	return w.copyMachine(filepath.Dir(w.root))
}

// copyMachine mounts a copy of this machine that can be written to.
func (w *mountWorld) copyMachine(base string) error {
	if err := os.MkdirAll(base, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", base, "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	for _, dir := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(base, dir), 0o755); err != nil {
			return err
		}
	}
	layers := fmt.Sprintf("lowerdir=/,upperdir=%[1]s/upper,workdir=%[1]s/work", base)
	if err := unix.Mount("overlay", w.root, "overlay", 0, layers); err != nil {
		return fmt.Errorf("mount an overlay of this machine: %w", err)
	}
	for _, dir := range []string{"/proc", "/dev"} {
		if err := unix.Mount(dir, filepath.Join(w.root, dir), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	bundle, err := os.OpenFile(filepath.Join(w.root, "etc", "ssl", "certs", "ca-certificates.crt"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer bundle.Close()
	_, err = bundle.WriteString(w.image.Authorities)
	return err
}

func (w *mountWorld) copyContext(to string) error {
	lines, err := os.ReadFile(filepath.Join(w.image.Repository, ".dockerignore"))
	if err != nil {
		return err
	}
	ignore := ignored(strings.Split(string(lines), "\n"))
	return filepath.WalkDir(w.image.Repository, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(w.image.Repository, path)
		if err != nil || d.IsDir() || ignore(name) {
			return err
		}
		return copyFile(path, filepath.Join(w.root, to, name))
	})
}

func (w *mountWorld) copyStage(from, source, target string) error {
	stage, ok := w.stages[from]
	if !ok {
		return fmt.Errorf("there is no stage %q", from)
	}
	return copyFile(filepath.Join(stage, source), filepath.Join(w.root, target))
}

func copyFile(source, target string) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	to, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

func (w *mountWorld) run(dir, script string, variables map[string]string) error {
	shell := exec.Command("/bin/sh", "-c", script)
	shell.Dir = dir
	shell.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS") })
	for name, value := range variables {
		shell.Env = append(shell.Env, name+"="+value)
	}
	shell.Stdout, shell.Stderr = os.Stderr, os.Stderr
	shell.SysProcAttr = &syscall.SysProcAttr{Chroot: w.root}
	return shell.Run()
}

// image is what the Dockerfile makes.
type image struct {
	imageConfig
	root string
}

// buildImage makes the image. authorities are in PEM.
func buildImage(t *testing.T, authorities string) *image {
	t.Helper()
	repository, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	i := &image{root: t.TempDir()}
	if err := os.Chmod(i.root, 0o755); err != nil {
		t.Fatal(err)
	}
	sandbox := &sandbox{Host: true, Image: &imageBuild{repository, i.root, "v1.2.3-test", authorities}}
	p := sandbox.start(t)
	if code := p.exit(t); code != 0 {
		t.Fatalf("the Dockerfile fails:\n%s", p.output())
	}
	if err := json.Unmarshal([]byte(p.stdout.String()), &i.imageConfig); err != nil {
		t.Fatalf("%v in %s", err, p.stdout)
	}
	if err := os.Remove(filepath.Join(i.root, ".build")); err != nil { // where the stages were mounted
		t.Fatal(err)
	}
	return i
}
