package file

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Limits of a look.
const (
	maxContent = 64 << 20
	maxNames   = 1000
)

// racy is how young a file may be for its time to tell nothing about a second change: clocks of file systems are coarse.
const racy = 2 * time.Second

// sight is what one look at a path found: an entry for a file, under the name ""; one for each name in a folder, and one for the folder itself; none
// for what is missing. It is immutable.
type sight map[string]entry

// entry is what is known about a file.
type entry struct {
	info   fs.FileInfo
	seen   time.Time // when info was taken
	digest string    // of content, or of what else tells one state from another
}

// look looks at a path. What was found before spares it from reading files again that are as they were.
func look(path string, before sight) (sight, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return sight{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look at it: %w", err)
	}
	if info.IsDir() {
		return lookInside(path, before)
	}
	one, err := before[""].again(path, info)
	if errors.Is(err, fs.ErrNotExist) {
		return sight{}, nil // it went away in between
	}
	return sight{"": one}, err
}

func lookInside(path string, before sight) (sight, error) {
	names, err := namesIn(path)
	if err != nil {
		return nil, err
	}
	now := sight{"": {digest: "folder"}}
	for _, name := range names {
		inside := filepath.Join(path, name)
		info, err := os.Stat(inside)
		if err == nil {
			now[name], err = before[name].again(inside, info)
		}
		if err != nil { // it went away, leads nowhere or may not be read; that may change
			now[name] = entry{digest: "unreadable"}
		}
	}
	return now, nil
}

// namesIn returns the names in a folder that count.
func namesIn(path string) ([]string, error) {
	folder, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot look into it: %w", err)
	}
	defer folder.Close()
	names, err := folder.Readdirnames(maxNames + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("cannot look into it: %w", err)
	}
	if len(names) > maxNames {
		return nil, fmt.Errorf("the folder has more than %d names; watch a file in it, or a smaller folder", maxNames)
	}
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "..") }), nil
}

// again returns the entry for a file as it is now; e is what was known about it.
func (e entry) again(path string, info fs.FileInfo) (entry, error) {
	now := entry{info: info, seen: time.Now()}
	if e.info != nil && os.SameFile(e.info, info) && e.info.Size() == info.Size() && e.info.ModTime().Equal(info.ModTime()) &&
		e.info.Mode() == info.Mode() && e.seen.Sub(info.ModTime()).Abs() > racy {
		now.digest = e.digest
		return now, nil
	}
	var err error
	switch {
	case info.IsDir():
		now.digest = "folder"
	case info.Mode().IsRegular() && info.Size() <= maxContent:
		now.digest, err = digestOf(path, info.Size())
	default:
		now.digest = fmt.Sprint(info.Mode(), info.Size(), info.ModTime().UnixNano())
	}
	return now, err
}

// digestOf returns the digest of the content of a file, as much as stat says that there is: what grows meanwhile is looked at again, as it is young. A
// file of /proc has nothing then, which is as well, as reading one may wait for ever.
func digestOf(path string, size int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("cannot read it: %w", err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, io.LimitReader(file, size)); err != nil {
		return "", fmt.Errorf("cannot read it: %w", err)
	}
	return string(hash.Sum(nil)), nil
}

// missing reports whether nothing was there.
func (s sight) missing() bool { return len(s) == 0 }

// same reports whether two looks found the same.
func (s sight) same(other sight) bool {
	return maps.EqualFunc(s, other, func(a, b entry) bool { return a.digest == b.digest })
}
