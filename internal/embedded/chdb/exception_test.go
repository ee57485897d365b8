package chdb

import "testing"

func TestParseException(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]Exception{
		"Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)\n": {60, "Code: 60. DB::Exception: Unknown table. (UNKNOWN_TABLE)"},
		"Error while: Code: 241. DB::Exception: memory":             {241, "Code: 241. DB::Exception: memory"},
		"connection is shutting down":                               {1002, "Code: 1002. DB::Exception: connection is shutting down. (UNKNOWN_EXCEPTION)"},
		"Code: 99999999999999999999. x":                             {1002, "Code: 99999999999999999999. x"},
	} {
		if got := parseException(message); *got != want || got.Error() != want.Text {
			t.Errorf("%q became %+v, want %+v", message, *got, want)
		}
	}
}
