package up

import "testing"

func TestPasswordsAreNotShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://127.0.0.1:8123":               "http://127.0.0.1:8123",
		"http://ada:secret@db:8123":           "http://ada:xxxxx@db:8123",
		"http://a:secret@one,http://two:8081": "http://a:xxxxx@one,http://two:8081",
	} {
		if got := redacted(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
