package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help explains cmd: what it does, how it is called, what people copy, its flags by what they are about.
func help(cmd *cobra.Command, _ []string) {
	var b strings.Builder
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n", text)
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND\n", cmd.CommandPath())
	} else {
		fmt.Fprintf(&b, "  %s\n", cmd.UseLine())
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
	}
	helpCommands(&b, cmd)
	helpFlags(&b, cmd)
	io.WriteString(cmd.OutOrStdout(), b.String()) //nolint:errcheck // nobody reads on
}

func helpCommands(b *strings.Builder, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	b.WriteString("\nCommands:\n")
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			fmt.Fprintf(b, "  %-*s  %s\n", cmd.NamePadding(), c.Name(), c.Short)
		}
	}
	fmt.Fprintf(b, "\n%s COMMAND --help explains one of them.\n", cmd.CommandPath())
}

const helpColumns = 100

// helpFlags lists the flags by group, in the order in which they were declared: the command's own first, those of every
// command last.
func helpFlags(b *strings.Builder, cmd *cobra.Command) {
	if cmd.HasAvailableSubCommands() {
		return
	}
	titles := []string{groupOwn}
	groups := map[string]*pflag.FlagSet{}
	cmd.Flags().SortFlags = false
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		title := groupOf(f)
		if groups[title] == nil {
			groups[title] = pflag.NewFlagSet(title, pflag.ContinueOnError)
			groups[title].SortFlags = false
			if title != groupOwn && title != groupGeneral {
				titles = append(titles, title)
			}
		}
		groups[title].AddFlag(f)
	})
	for _, title := range append(titles, groupGeneral) {
		if g := groups[title]; g != nil {
			fmt.Fprintf(b, "\n%s:\n%s", title, g.FlagUsagesWrapped(helpColumns))
		}
	}
	if cmd.Flags().Lookup(configFlag) != nil {
		b.WriteString("\n" + wherefrom)
	}
}

func groupOf(f *pflag.Flag) string {
	switch a := f.Annotations[groupAnnotation]; {
	case len(a) > 0:
		return a[0]
	case f.Name == "help" || f.Name == "version":
		return groupGeneral
	}
	return groupOwn
}

// wherefrom is said under every command that has settings.
const wherefrom = `Each flag can also be a variable (--log-level is RECOUNT_LOG_LEVEL) or a key of the --config file (log-level: debug).
Flags win over variables, which win over the file. A file may hold a section for each program: its keys win there.
`
