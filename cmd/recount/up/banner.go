package up

import (
	"fmt"
	"net/url"
	"strings"

	"recount/cmd/internal/local"
	"recount/cmd/recount/pipeline"
)

// banner says where everything is, and three things to try.
func banner(p *pipeline.Pipeline) string {
	var b strings.Builder
	b.WriteString("\nrecount is up.\n\n")
	place := func(what, where, note string) {
		fmt.Fprintf(&b, "%s\n", strings.TrimRight(fmt.Sprintf("  %-11s %-30s %s", what, where, note), " "))
	}
	place("HTTP", p.HTTP(), "commands; /openapi.json /metrics /readyz")
	place("console", p.Console(), "for a browser: how everything stands, time lines, sagas, rebuilds")
	place("Kafka", strings.Join(p.Services.Kafka, ","), whose(p, local.Kafka))
	place("ClickHouse", redacted(p.Services.ClickHouse), whose(p, local.ClickHouse)+", database "+p.Services.Database)
	place("registry", redacted(p.Services.Registry), whose(p, local.Registry))
	place("data", p.DataDir(), "")
	b.WriteString("\nTry:\n")
	for _, line := range trials(p) {
		b.WriteString("  " + line + "\n")
	}
	b.WriteString("\nCtrl-C stops it; the next start with the same --data goes on from there.\n")
	return b.String()
}

func whose(p *pipeline.Pipeline, s local.Service) string {
	if p.Embedded(s) {
		return "embedded"
	}
	return "outside"
}

// trials are lines for a shell.
func trials(p *pipeline.Pipeline) []string {
	post := func(path, body string) string {
		return fmt.Sprintf("curl -H 'Prefer: wait=5' --json '%s' %s/v1/bank/account/acct-1/%s", body, p.HTTP(), path)
	}
	ask := "SELECT * FROM account_balances FORMAT PrettyCompact"
	query := fmt.Sprintf("curl '%s/?database=%s' -d '%s'", redacted(p.Services.ClickHouse), p.Services.Database, ask)
	if !strings.HasPrefix(p.Services.ClickHouse, "http") {
		query = fmt.Sprintf("clickhouse client --database %s --query '%s'", p.Services.Database, ask)
	}
	return []string{
		post("open", `{"customer_id":"ada","currency":"EUR"}`),
		post("deposit", `{"amount":1999,"currency":"EUR","reference":"hello"}`),
		query,
	}
}

// redacted is a URL, or several with commas between, without passwords.
func redacted(urls string) string {
	parts := strings.Split(urls, ",")
	for i, text := range parts {
		if u, err := url.Parse(text); err == nil {
			parts[i] = u.Redacted()
		}
	}
	return strings.Join(parts, ",")
}
