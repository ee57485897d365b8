package role

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"recount/internal/durable"
)

// instanceFile holds a worker's name in its state folder: the name goes where the state goes, to another machine too.
const instanceFile = "instance"

// instanceSuffix is how many letters are drawn for a name: 40 bits, so that no two workers of a group draw the same.
const instanceSuffix = 8

var instanceName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,100}$`)

// instanceIn returns the name of the worker whose state is in dir, and gives it one if it has none. Nobody else may use
// dir meanwhile.
func instanceIn(dir, program string) (string, error) {
	path := filepath.Join(dir, instanceFile)
	raw, err := os.ReadFile(path)
	if err == nil {
		name := strings.TrimSpace(string(raw))
		if !instanceName.MatchString(name) {
			return "", fmt.Errorf("%s does not hold a worker's name of letters, digits, dots, dashes and underscores: delete it to get a new one", path)
		}
		return name, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading this worker's name: %w", err)
	}
	name := program + "-" + strings.ToLower(rand.Text()[:instanceSuffix])
	err = durable.Write(path, func(to io.Writer) error {
		_, err := io.WriteString(to, name+"\n")
		return err
	})
	if err != nil {
		return "", fmt.Errorf("giving this worker a name: %w", err)
	}
	return name, nil
}
