package lint

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
)

// machinePaths: somebody's home, or the folder somebody works in. The pattern does not match itself.
func machinePaths() *regexp.Regexp {
	return regexp.MustCompile("(?m)(?:^|[\\s\"'`=(:,;<>])" + `(?:/(?:home|Users|work)/[\w.]|/(?:root)\b|[A-Z]:\\Users\\)`)
}

func pathsOfMachines(repo *repository) (breaches []string) {
	pattern, files := machinePaths(), os.DirFS(repo.dir)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "bin"}, name) { // not text of ours, and never committed
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		for _, at := range pattern.FindAllIndex(text, -1) {
			line := 1 + bytes.Count(text[:at[0]+1], []byte("\n")) // the match may begin with the line break before
			breaches = append(breaches, fmt.Sprintf("%s:%d: %s", name, line, bytes.TrimSpace(text[at[0]:at[1]])))
		}
		return nil
	})
	if err != nil {
		breaches = append(breaches, fmt.Sprintf("not every file could be read: %v", err))
	}
	return breaches
}
