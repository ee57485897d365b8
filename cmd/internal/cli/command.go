package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Config is a command's configuration: a plain struct that names its flags, with its present values as their defaults.
type Config interface {
	Flags(f *Flags)
	// Validate returns every fault at once, joined: whoever mends one must not meet the next.
	Validate() error
}

// Process is what a running command has from its surroundings.
type Process struct {
	Name           string // of the program
	Args           []string
	Log            *slog.Logger
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Command describes one command of a program.
type Command struct {
	// Use is the command's name and what it takes: "load FILE...".
	Use string
	// Short is one line, Long the explanation, Example what people copy.
	Short, Long, Example string
	// Args checks what is not a flag; nil: nothing is taken.
	Args cobra.PositionalArgs
	// Config is filled before Run is called.
	Config Config
	Run    func(ctx context.Context, p *Process) error
}

// Cobra makes the command runnable.
func (c Command) Cobra() *cobra.Command {
	cmd := &cobra.Command{Use: c.Use, Short: c.Short, Long: strings.TrimSpace(c.Long), Example: strings.Trim(c.Example, "\n"), Args: c.Args}
	if cmd.Args == nil {
		cmd.Args = takesNothing
	}
	var general general
	general.flags(&Flags{cmd.Flags()})
	if c.Config != nil {
		c.Config.Flags(&Flags{cmd.Flags()})
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		warnings, err := load(cmd, environOf(cmd))
		if err != nil {
			return err
		}
		if c.Config != nil {
			err = c.Config.Validate()
		}
		if err := errors.Join(general.validate(), err); err != nil {
			return usageError{err, hint(cmd)}
		}
		log := general.logger(cmd.ErrOrStderr())
		for _, w := range warnings {
			log.Warn(w)
		}
		return c.Run(cmd.Context(), &Process{
			Name: cmd.Root().Name(), Args: args, Log: log,
			Stdin: cmd.InOrStdin(), Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr(),
		})
	}
	return cmd
}

func takesNothing(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes only flags; what is %q?", cmd.CommandPath(), args[0])
	}
	return nil
}

// Takes has a command take exactly one argument for each of names, which are those in its Use.
func Takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return fmt.Errorf("%s needs %s", cmd.CommandPath(), strings.Join(names[len(args):], " and "))
		case len(args) > len(names):
			return fmt.Errorf("%s takes %s; what is %q?", cmd.CommandPath(), strings.Join(names, " and "), args[len(names)])
		}
		return nil
	}
}

// Group is a command that only holds others: a program, or a part of one.
func Group(use, short, long, example string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: strings.TrimSpace(long), Example: strings.Trim(example, "\n")}
	cmd.AddCommand(commands...)
	return cmd
}

// prepare gives root and everything below it the manners that all programs share.
func prepare(root *cobra.Command) {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(versionCommand())
	root.Version = versionLine(root.Name())
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(flagFault)
	root.SetHelpFunc(help)
	root.SetUsageFunc(func(cmd *cobra.Command) error { help(cmd, nil); return nil })
	each(root, func(cmd *cobra.Command) {
		if !cmd.Runnable() && cmd.HasSubCommands() {
			cmd.Args, cmd.RunE = cobra.ArbitraryArgs, chooseOne
			return
		}
		if takes := cmd.Args; takes != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if err := takes(cmd, args); err != nil {
					return usageError{err, hint(cmd)}
				}
				return nil
			}
		}
	})
}

func each(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, c := range cmd.Commands() {
		each(c, do)
	}
}

// chooseOne is what a command does that only holds others.
func chooseOne(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		cmd.SetOut(cmd.ErrOrStderr()) // it was not asked for
		help(cmd, nil)
		return usageError{errors.New("one of the commands above is needed"), ""}
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return usageError{fmt.Errorf("%s has no command %q%s", cmd.CommandPath(), args[0], didYouMean(args[0], names)), hint(cmd)}
}

// flagFault says what is wrong with a flag, and which one was meant.
func flagFault(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		if strings.HasPrefix(err.Error(), "unknown shorthand") {
			return usageError{fmt.Errorf("%s: there are no flags of one letter (-%s)", cmd.CommandPath(), name), hint(cmd)}
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		return usageError{fmt.Errorf("%s has no flag --%s%s", cmd.CommandPath(), name, didYouMean("--"+name, names)), hint(cmd)}
	}
	return usageError{err, hint(cmd)}
}

func hint(cmd *cobra.Command) string {
	return fmt.Sprintf("See %s --help.", cmd.CommandPath())
}
