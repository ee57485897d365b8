package serde

import (
	"strings"
	"unicode"
)

// kebab returns the form a record's name takes in URLs and wire names: ChangeAddress → change-address, SetIBANCode → set-iban-code.
func kebab(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) {
			afterWord := !unicode.IsUpper(runes[i-1])
			endOfAcronym := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if afterWord || endOfAcronym {
				b.WriteByte('-')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// commandAggregate returns the middle part of a command's wire name: bank.account.deposit → account; "" where there is none.
func commandAggregate(wireType string) string {
	_, rest, _ := strings.Cut(wireType, ".")
	aggregate, _, ok := strings.Cut(rest, ".")
	if !ok {
		return ""
	}
	return aggregate
}
