package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"recount/internal/filelock"
)

// lockPatience is how long a start waits for the folder's last user: one that has lost its parent or was told to stop
// is still closing its files.
const lockPatience = 3 * time.Second

// lockDataDir makes the folder, where needed, and takes it for this process.
func lockDataDir(ctx context.Context, dir, service string) (*filelock.Lock, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the data folder of the embedded %s: %w", service, err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	lock, err := filelock.Acquire(ctx, filepath.Join(dir, "lock"), fmt.Sprintf("the embedded %s of process %d", service, os.Getpid()))
	var held *filelock.HeldError
	if errors.As(err, &held) {
		return nil, fmt.Errorf("the data folder %s is in use: %w; stop that one or choose another folder", dir, err)
	}
	return lock, err
}
