package cli

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// RunAll runs parts of a process beside each other until all have ended. The first that ends, well or not, ends the
// others: a process that does half its work looks healthy and is not.
func RunAll(ctx context.Context, parts ...func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range parts {
		g.Go(func() error {
			defer cancel()
			return run(ctx)
		})
	}
	return g.Wait()
}
