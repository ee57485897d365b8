package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const (
	// variablePrefix begins the variable of every flag: --dedup-window is RECOUNT_DEDUP_WINDOW.
	variablePrefix = "RECOUNT_"
	configFlag     = "config"
	configBytesMax = 1 << 20
)

// programs have sections of their own in a file that all share: "aggregator: {state: /var/lib/recount}".
func programs() []string { return []string{"aggregator", "ingest", "projectors", "recount", "saga"} }

// setting is a flag's value from elsewhere than the command line.
type setting struct {
	value  any
	origin string // for those who look for the mistake
}

// load gives every flag that was not given its value: from its variable, else from the file, else its default. It
// returns every fault at once, and warnings about variables that look like slips.
func load(cmd *cobra.Command, environ []string) (warnings []string, err error) {
	flags := configurable(cmd)
	variables, warnings, err := readVariables(environ, flags)
	if err != nil {
		return nil, usageError{err, hint(cmd)}
	}
	path := flags[configFlag].Value.String()
	if v, ok := variables[configFlag]; ok && !flags[configFlag].Changed {
		path = fmt.Sprint(v.value)
	}
	var settings map[string]setting
	if path != "" {
		if settings, err = readFile(path, cmd.Root().Name(), flags); err != nil {
			return nil, usageError{err, hint(cmd)}
		}
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if flags[name].Changed {
			continue
		}
		s, ok := variables[name]
		if !ok {
			s, ok = settings[name]
		}
		if !ok {
			continue
		}
		if err := set(flags[name], s.value); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", s.origin, err))
		}
	}
	if len(faults) > 0 {
		return nil, usageError{errors.Join(faults...), hint(cmd)}
	}
	return warnings, nil
}

// configurable are the flags of cmd that variables and files may give: all but those that are no settings.
func configurable(cmd *cobra.Command) map[string]*pflag.Flag {
	out := map[string]*pflag.Flag{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "version" {
			out[f.Name] = f
		}
	})
	return out
}

// set puts a value that is not from the command line into a flag.
func set(f *pflag.Flag, value any) error {
	list, isList := value.([]any)
	slice, wantsList := f.Value.(pflag.SliceValue)
	switch {
	case value == nil:
		return errors.New("it has no value")
	case isList && !wantsList:
		return fmt.Errorf("a list, where one %s is wanted", f.Value.Type())
	case isList:
		texts := make([]string, len(list))
		for i, v := range list {
			texts[i] = fmt.Sprint(v)
		}
		return slice.Replace(texts)
	case wantsList && fmt.Sprint(value) == "":
		return slice.Replace(nil)
	case wantsList:
		return slice.Replace(strings.Split(fmt.Sprint(value), ","))
	}
	if err := f.Value.Set(fmt.Sprint(value)); err != nil {
		return fmt.Errorf("%q is no %s", fmt.Sprint(value), f.Value.Type())
	}
	return nil
}

// canonical is the form in which the names of flags, variables and keys are equal: dedup-window.
func canonical(name string) string {
	return strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name))
}

func readVariables(environ []string, flags map[string]*pflag.Flag) (found map[string]setting, warnings []string, err error) {
	k := koanf.New("")
	err = k.Load(env.Provider("", env.Opt{Prefix: variablePrefix, EnvironFunc: func() []string { return environ }}), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the variables: %w", err)
	}
	names := make([]string, 0, len(flags))
	for name := range flags {
		names = append(names, variable(name))
	}
	found = map[string]setting{}
	for key, value := range k.All() {
		name := canonical(strings.TrimPrefix(key, variablePrefix))
		if _, ok := flags[name]; ok && key == variable(name) {
			found[name] = setting{value, key}
			continue
		}
		// Another program's, perhaps, or set by an orchestrator: only what looks like one of ours is worth a word.
		for _, n := range names {
			if distance(key, n) <= slipMax {
				warnings = append(warnings, fmt.Sprintf("the variable %s has no meaning here; did you mean %s?", key, n))
				break
			}
		}
	}
	slices.Sort(warnings)
	return found, warnings, nil
}

// slipMax is how many letters away a variable is taken for a slip, and not for somebody else's.
const slipMax = 2

// variable is the name of a flag's variable.
func variable(flag string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// readFile reads the settings that a file has for program: those at its top, and over them those of its own section.
func readFile(path, program string, flags map[string]*pflag.Flag) (map[string]setting, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	if info.Size() > configBytesMax {
		return nil, fmt.Errorf("--config: %s has %d bytes: is it the right file?", path, info.Size())
	}
	k := koanf.New(".")
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		return nil, fmt.Errorf("--config: %s is not YAML that maps names to values: %w", path, err)
	}
	top, own := map[string]setting{}, map[string]setting{}
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(k.All())) {
		section, rest, inSection := strings.Cut(key, ".")
		name, into := canonical(key), top
		if inSection && slices.Contains(programs(), section) {
			if section != program {
				continue // the other program will say what is wrong with it
			}
			name, into = canonical(rest), own
		}
		origin := fmt.Sprintf("%s, key %s", path, key)
		switch _, twice := into[name]; {
		case flags[name] == nil || name == configFlag:
			faults = append(faults, fmt.Errorf("%s: there is no such setting%s", origin, didYouMean(name, slices.Collect(maps.Keys(flags)))))
		case twice:
			faults = append(faults, fmt.Errorf("%s: given twice, as %s too", origin, into[name].origin))
		}
		into[name] = setting{k.Get(key), origin}
	}
	maps.Copy(top, own)
	return top, errors.Join(faults...)
}
