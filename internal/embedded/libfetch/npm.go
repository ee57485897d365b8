package libfetch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// errNoNPM is the one failure a person mends by installing something.
var errNoNPM = errors.New("npm, which would fetch it, is not installed (it comes with Node.js)")

// archive returns the path of the package as a checked file, downloading it if an earlier try has not left it there.
func (s Source) archive(ctx context.Context, cache string, progress func(string)) (string, error) {
	kept := filepath.Join(cache, s.Version+".tgz")
	if err := s.checkSum(kept); err == nil {
		return kept, nil
	}
	npm, err := exec.LookPath(cmp.Or(s.NPM, "npm"))
	if err != nil {
		return "", errNoNPM
	}
	progress(fmt.Sprintf("fetching %s %s with npm, this once, into %s", s.Package, s.Version, cache))
	dir, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the download: %w", err)
	}
	defer os.RemoveAll(dir) // what is left in it is of no use
	downloaded, err := s.pack(ctx, npm, dir)
	if err != nil {
		return "", err
	}
	if err := s.checkSum(downloaded); err != nil {
		return "", err
	}
	if err := os.Rename(downloaded, kept); err != nil {
		return "", fmt.Errorf("keep the download: %w", err)
	}
	return kept, nil
}

// pack lets npm download the package into dir. npm pack runs no script of a package from a registry.
func (s Source) pack(ctx context.Context, npm, dir string) (string, error) {
	cmd := exec.CommandContext(ctx, npm, "pack", s.Package+"@"+s.Version, "--ignore-scripts", "--loglevel=error")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("npm pack: %w%s", errors.Join(err, ctx.Err()), lastLines(stderr.String()))
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(found) != 1 {
		return "", errors.Join(fmt.Errorf("npm pack left %d archives where one was expected", len(found)), err)
	}
	return found[0], nil
}

// checkSum compares the file with the pinned sum.
func (s Source) checkSum(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // read only
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != s.SHA256 {
		return fmt.Errorf("what npm delivered has the SHA-256 %s, not the pinned %s: it is not used", got, s.SHA256)
	}
	return nil
}

func lastLines(text string) string {
	const most = 1 << 10
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	return ": " + text[max(0, len(text)-most):]
}
