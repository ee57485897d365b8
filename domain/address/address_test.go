package address_test

import (
	"testing"

	. "recount/domain/address"
)

func TestALetterNeedsAStreetACityAndACountry(t *testing.T) {
	t.Parallel()
	home := Address{Street: "Rue Grimaldi 1", City: "Monaco", Country: "MC"}
	if !home.Complete() {
		t.Errorf("%+v is not complete", home)
	}
	for name, less := range map[string]func(*Address){
		"street":  func(a *Address) { a.Street = "" },
		"city":    func(a *Address) { a.City = "" },
		"country": func(a *Address) { a.Country = "" },
	} {
		short := home
		if less(&short); short.Complete() {
			t.Errorf("complete without a %s", name)
		}
	}
}

func TestACountryIsTwoCapitalLetters(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"CZ": true, "GB": true, "": false, "C": false, "CZE": false, "cz": false, "Cz": false, "C1": false, "É": false} {
		if got := (Address{Country: code}).HasCountryCode(); got != want {
			t.Errorf("%q: %v", code, got)
		}
	}
}
