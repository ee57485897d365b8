package frame

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"recount/internal/process"
)

// RoleArgument makes a benchmark's program play one of its roles: the role's name and its configuration follow.
const RoleArgument = "play-role"

// Role is what a program plays in a process of its own, so that it shares no heap with who measures it and its processor
// time is known apart. It is told what to do as JSON.
type Role func(ctx context.Context, config []byte) error

// RoleOf returns the role of whoever runs by a configuration C.
func RoleOf[C any](run func(C, context.Context) error) Role {
	return func(ctx context.Context, config []byte) error {
		var c C
		if err := json.Unmarshal(config, &c); err != nil {
			return fmt.Errorf("%s is not for people to call: %w", RoleArgument, err)
		}
		return run(c, ctx)
	}
}

func play(ctx context.Context, roles map[string]Role, args []string) error {
	if len(args) != 2 {
		return errors.New(RoleArgument + " is not for people to call")
	}
	role, ok := roles[args[0]]
	if !ok {
		return fmt.Errorf("no role is called %q", args[0])
	}
	return role(ctx, []byte(args[1]))
}

// TestProgram is a test program's: started to play a role, it does so by main, as the benchmark's own program; else it runs its tests.
func TestProgram(tests interface{ Run() int }, main func()) {
	if len(os.Args) > 1 && os.Args[1] == RoleArgument {
		main()
		return
	}
	os.Exit(tests.Run())
}

// playing is set for whoever plays a role.
const playing = "RECOUNT_BENCH_ROLE"

// ErrRoleStartsRole says that a program that was to play a role measures instead.
var ErrRoleStartsRole = errors.New("who plays a role starts none: a test program that measures needs a TestMain that hands " + RoleArgument + " to Main")

// Start starts a copy of this program that plays a role. The spec says all but what is to be run; without a name it is
// called after the role.
//
// A program that takes no notice of RoleArgument, as a test's does that has not been told to, would measure in its turn and
// start copies without end: ErrRoleStartsRole.
func Start(role string, config any, spec process.Spec) (*process.Process, error) {
	if as := os.Getenv(playing); as != "" {
		return nil, fmt.Errorf("start %s, as %s: %w", role, as, ErrRoleStartsRole)
	}
	text, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	if spec.Path, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	if spec.Name == "" {
		spec.Name = role
	}
	spec.Args, spec.Env = []string{RoleArgument, role, string(text)}, append(spec.Env, playing+"="+role)
	return process.Start(spec)
}
