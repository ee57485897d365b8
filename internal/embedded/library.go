package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"recount/internal/embedded/chdb"
	"recount/internal/embedded/libfetch"
)

// libraryVariable names the library for those who have it already.
const libraryVariable = "RECOUNT_LIBCHDB"

const libraryAdvice = "without it, set " + libraryVariable + " to the path of a libchdb.so 26.x, or use a ClickHouse server with --clickhouse URL"

// libchdb pins the library: ClickHouse 26.5 as the chDB project packs it for Node.
func libchdb() libfetch.Source {
	return libfetch.Source{
		Package:     "@chdb/lib-linux-x64-gnu",
		Version:     "26.5.3",
		SHA256:      "b874e449710950da3abd7e20376f7bb3387d9e03adcc7082f022be18dfdf316a",
		Member:      "package/libchdb.so",
		MemberBytes: 559_044_752,
		Advice:      libraryAdvice,
	}
}

// LocateLibrary returns the path of libchdb.so: what RECOUNT_LIBCHDB names, else the copy in the user's cache folder,
// else one fetched there with npm (167 MB, once). progress, where given, is told what takes long.
func LocateLibrary(ctx context.Context, progress func(message string)) (string, error) {
	if !chdb.Supported {
		return "", fmt.Errorf("%w (this one is for %s/%s): use a ClickHouse server with --clickhouse URL", chdb.ErrUnsupported, runtime.GOOS, runtime.GOARCH)
	}
	if progress == nil {
		progress = func(string) {}
	}
	if path := os.Getenv(libraryVariable); path != "" {
		return path, checkLibrary(path)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder for libchdb: %w; %s", err, libraryAdvice)
	}
	return libchdb().Locate(ctx, filepath.Join(cache, "recount", "libchdb"), progress)
}

func checkLibrary(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a file")
	}
	if err != nil {
		return fmt.Errorf("%s is %s, which is no library: %w", libraryVariable, path, err)
	}
	return nil
}
