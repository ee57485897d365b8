package broker

import "testing"

func TestSettingsTravelAsVariables(t *testing.T) {
	t.Parallel()
	env := environment(settings(Options{Settings: map[string]string{"a_b-c.d": "1", "node.id": "7"}, Detour: "127.0.0.1:5"}, ports{clients: 1, detour: 2, controller: 3}))
	for name, want := range map[string]string{
		"KAFKA_A__B___C_D":           "1",
		"KAFKA_NODE_ID":              "7",
		"KAFKA_LISTENERS":            "CLIENTS://127.0.0.1:1,DETOUR://127.0.0.1:2,CONTROLLER://127.0.0.1:3",
		"KAFKA_ADVERTISED_LISTENERS": "CLIENTS://127.0.0.1:1,DETOUR://127.0.0.1:5",
	} {
		if env[name] != want {
			t.Errorf("%s is %q, want %q", name, env[name], want)
		}
	}
}
