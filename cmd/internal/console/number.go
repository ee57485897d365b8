package console

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/currency"
)

// Count writes n with a comma between thousands: 200,000.
func Count(n int64) string { return Digits(strconv.FormatInt(n, 10)) }

// Digits is Count for an integer in decimal that may not fit an int64.
func Digits(integer string) string {
	sign, digits := split(integer)
	return sign + grouped(digits)
}

// Money writes an amount of minor units as people do: 123456 of EUR is 1,234.56 EUR. How many digits a currency's minor
// unit has is ISO 4217's to say; of a currency it does not know, the minor units themselves are shown.
func Money(minor int64, code string) string {
	scale := 0
	if unit, err := currency.ParseISO(code); err == nil {
		scale, _ = currency.Standard.Rounding(unit)
	}
	sign, digits := split(strconv.FormatInt(minor, 10))
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	whole, fraction := digits[:len(digits)-scale], digits[len(digits)-scale:]
	text := sign + grouped(whole)
	if scale > 0 {
		text += "." + fraction
	}
	return strings.TrimSpace(text + " " + code)
}

// Seconds writes a duration of so many seconds: 12.34 s.
func Seconds(s float64) string { return fmt.Sprintf("%.2f s", s) }

func split(integer string) (sign, digits string) {
	if digits, negative := strings.CutPrefix(integer, "-"); negative {
		return "-", digits
	}
	return "", integer
}

func grouped(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
