// Package maven turns a small Maven project into a class path, once per machine.
//
// The project's files travel inside this program. They are unpacked into the user's cache and built there by mvn, which
// knows the user's repository and proxies; a project of other content has a folder of its own, and what was built once is
// found again. Processes that start at once build once. Nothing is ever written into the repository.
package maven

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"recount/internal/filelock"
)

// Project is a Maven project: a pom.xml, perhaps with sources. Its POM binds the versions of all plugins it uses.
type Project struct {
	// Name is its folder's in the cache and what messages call it.
	Name  string
	Files fs.FS
	// Cache is the folder to build under; empty: one in the user's cache.
	Cache string
	// Maven is the mvn program; empty looks for it in PATH.
	Maven string
}

const (
	// buildTimeout bounds a build, downloads included.
	buildTimeout = 10 * time.Minute
	// builtMark is the file that says that a folder's build came to its end.
	builtMark = "built"
	// outputBytesMax is how much of Maven's own words goes into a message.
	outputBytesMax = 4 << 10
)

// ClassPath builds the project where it is not built yet, and returns the class path of its classes and everything they
// depend on. progress is told about what takes long.
func (p Project) ClassPath(ctx context.Context, progress func(string)) (string, error) {
	dir, err := p.dir()
	if err == nil {
		err = p.ensure(ctx, dir, progress)
	}
	if err != nil {
		return "", fmt.Errorf("build %s with Maven: %w", p.Name, err)
	}
	return filepath.Join(dir, "target", "classes") + string(filepath.ListSeparator) + filepath.Join(dir, "target", "lib", "*"), nil
}

// dir is where a project of this content is built.
func (p Project) dir() (string, error) {
	content, err := p.fingerprint()
	if err != nil {
		return "", err
	}
	cache := p.Cache
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("there is no folder for what is built; set XDG_CACHE_HOME: %w", err)
		}
		cache = filepath.Join(user, "recount", "java")
	}
	return filepath.Join(cache, p.Name+"-"+content), nil
}

// fingerprint is a hash over the names and contents of all files, in the order of their names.
func (p Project) fingerprint() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(p.Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(p.Files, name)
		fmt.Fprintf(h, "%q %d\n%s\n", name, len(text), text)
		return err
	})
	const digits = 16
	return hex.EncodeToString(h.Sum(nil))[:digits], err
}

func (p Project) ensure(ctx context.Context, dir string, progress func(string)) (err error) {
	if isBuilt(dir) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	lock, err := filelock.Acquire(ctx, dir+".lock", fmt.Sprintf("process %d", os.Getpid()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if isBuilt(dir) { // by another process, while this one waited
		return nil
	}
	progress("building " + p.Name + " with Maven, once on this machine")
	return p.build(ctx, dir)
}

func isBuilt(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, builtMark))
	return err == nil && info.Mode().IsRegular()
}

func (p Project) build(ctx context.Context, dir string) error {
	if err := os.RemoveAll(dir); err != nil { // the remains of a build that was cut short
		return err
	}
	if err := os.CopyFS(dir, p.Files); err != nil {
		return err
	}
	mvn, err := exec.LookPath(cmp.Or(p.Maven, "mvn"))
	if err != nil {
		return fmt.Errorf("mvn was not found; install Maven and a JDK 17 or later (apt-get install maven openjdk-17-jdk-headless): %w", err)
	}
	build := exec.CommandContext(ctx, mvn, "--batch-mode", "--quiet", "compile", "dependency:copy-dependencies")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("in %s: %w\n%s", dir, errors.Join(err, ctx.Err()), end(string(out)))
	}
	return os.WriteFile(filepath.Join(dir, builtMark), []byte(strings.Join(build.Args, " ")+"\n"), 0o644)
}

// end is the last part of Maven's output, where it says what went wrong.
func end(out string) string { return strings.TrimSpace(out[max(0, len(out)-outputBytesMax):]) }

// Java is the Java launcher's path.
func Java() (string, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("java was not found; install a JDK 17 or later (apt-get install openjdk-17-jdk-headless): %w", err)
	}
	return java, nil
}

// JavaVersion is what the Java launcher says of itself: "Java 17.0.2".
func JavaVersion(ctx context.Context) (string, error) {
	java, err := Java()
	if err != nil {
		return "", err
	}
	return versionOf(ctx, java)
}

func versionOf(ctx context.Context, java string) (string, error) {
	out, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", java, err)
	}
	_, version, _ := strings.Cut(string(out), `version "`)
	version, _, _ = strings.Cut(version, `"`)
	return "Java " + version, nil
}
