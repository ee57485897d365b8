package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"recount/internal/telemetry"
)

func versionLine(program string) string {
	b := telemetry.ThisBuild()
	return fmt.Sprintf("%s %s (revision %s, %s)", program, b.Version, b.Revision, b.Go)
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versionLine(cmd.Root().Name()))
			return err
		},
	}
}
