package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// brokerSettings are the settings among an environment's variables.
func brokerSettings(environ []string) map[string]string {
	settings := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if setting, ok := strings.CutPrefix(name, "KAFKA_"); ok && setting != "HEAP_OPTS" {
			settings[settingNamed(setting)] = value
		}
	}
	settings["log.dirs"] = cmp.Or(settings["log.dirs"], dataDefault)
	return settings
}

// settingNamed is the setting that a variable's name stands for: a line is a dot, two are a line, three a dash.
func settingNamed(variable string) string {
	return strings.NewReplacer("___", "-", "__", "_", "_", ".").Replace(strings.ToLower(variable))
}

// write writes settings as Java reads them.
func write(settings map[string]string) []byte {
	var b strings.Builder
	escape := strings.NewReplacer(`\`, `\\`, "\n", `\n`) // a backslash begins an escape
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s=%s\n", key, escape.Replace(settings[key]))
	}
	return []byte(b.String())
}
