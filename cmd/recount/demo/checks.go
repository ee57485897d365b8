package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"recount/cmd/internal/console"
)

// Check is something that must hold of the books. It holds if every comparison is of equals, and there is one.
type Check struct {
	Title       string       `json:"title"`
	Passed      bool         `json:"passed"`
	Comparisons []Comparison `json:"comparisons"`
}

// Comparison is of two numbers that were come by in different ways. They are as wide as a sum over all accounts.
type Comparison struct {
	Subject  string      `json:"subject"`
	Expected json.Number `json:"expected"`
	Found    json.Number `json:"found"`
}

// checkQueries are the files with the checks, in the order in which they are told. The first line of each says what it
// checks; it answers with rows of a subject and two numbers.
func checkQueries() []string {
	return []string{
		"check_money", "check_versions", "check_duplicates", "check_history", "check_as_of", "check_totals",
		"check_stock", "check_promises", "check_orders", "check_paid", "check_revenue", "check_debits", "check_transfers", "check_sagas",
	}
}

func checks(ctx context.Context, db Database) ([]Check, error) {
	var out []Check
	for _, name := range checkQueries() {
		query, err := queryNamed(name)
		if err != nil {
			return nil, err
		}
		rows, err := ask[struct {
			Subject  string `ch:"subject"`
			Expected string `ch:"expected"`
			Found    string `ch:"found"`
		}](ctx, db, name)
		if err != nil {
			return nil, err
		}
		compared := []Comparison{}
		for _, r := range rows {
			compared = append(compared, Comparison{r.Subject, json.Number(r.Expected), json.Number(r.Found)})
		}
		out = append(out, checkOf(titleOf(query), compared))
	}
	return out, nil
}

// checkOf passes no check that compared nothing: a view that is empty must not look right.
func checkOf(title string, compared []Comparison) Check {
	c := Check{Title: title, Passed: len(compared) > 0, Comparisons: compared}
	for _, r := range compared {
		c.Passed = c.Passed && r.Expected == r.Found
	}
	return c
}

// accounting compares what was sent with what was decided.
func accounting(loads []Load, outcomes []Outcome) Check {
	var compared []Comparison
	for _, l := range loads {
		decided := int64(0)
		for _, o := range outcomes {
			if o.Context == l.Context {
				decided += o.Commands
			}
		}
		compared = append(compared, Comparison{Subject: l.Context, Expected: number(l.Sent), Found: number(decided)})
	}
	return checkOf("Every command that was sent had one outcome", compared)
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// sentence says in one line what a check compared.
func (c Check) sentence() string {
	if len(c.Comparisons) == 0 {
		return c.Title + ": there was nothing to compare"
	}
	text := c.Title
	for i, r := range c.Comparisons {
		if i == 0 {
			text += ": "
		} else {
			text += ", "
		}
		if r.Expected == r.Found {
			text += fmt.Sprintf("%s %s", r.Subject, console.Digits(r.Found.String()))
		} else {
			text += fmt.Sprintf("%s %s, not %s", r.Subject, console.Digits(r.Found.String()), console.Digits(r.Expected.String()))
		}
	}
	return text
}
