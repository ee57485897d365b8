package prometheus

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// board is what we look at of a board of Grafana's.
type board struct {
	UID, Title, Description string
	Panels                  []panel
	Templating              struct{ List []variable }
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Grid                     struct{ X, Y, W, H int } `json:"gridPos"`
	Datasource               struct{ UID string }
	Fields                   struct{ Defaults struct{ Unit string } } `json:"fieldConfig"`
	Targets                  []struct{ Expr, LegendFormat string }
}

type variable struct{ Name, Type, Definition string }

func boards(t *testing.T) map[string]board {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "grafana", "boards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no boards", err)
	}
	out := map[string]board{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b board
		if err := json.Unmarshal(raw, &b); err != nil {
			t.Fatal(file, err)
		}
		out[strings.TrimSuffix(filepath.Base(file), ".json")] = b
	}
	return out
}

// plain puts in the place of a board's variables what they may stand for.
func plain(query string) string {
	return strings.NewReplacer("$__rate_interval", "1m", "$__all", ".*", "$context", ".*", "$view", ".*", "$saga", ".*").Replace(query)
}

func TestBoardsShowWhatIsThere(t *testing.T) {
	t.Parallel()
	known, all := metrics(t), boards(t)
	for _, wanted := range []string{"write-side", "views", "sagas", "partitions", "rebuilds"} {
		if _, ok := all[wanted]; !ok {
			t.Errorf("there is no board %s", wanted)
		}
	}
	titles := map[string]string{}
	for name, b := range all {
		if b.UID != "recount-"+name || b.Description == "" || titles[b.Title] != "" {
			t.Errorf("%s: its UID is %q, its title %q, its description %q", name, b.UID, b.Title, b.Description)
		}
		titles[b.Title] = name
		for _, v := range b.Templating.List {
			for _, fault := range faultsOfVariable(v, known) {
				t.Errorf("%s, variable %s: %s", name, v.Name, fault)
			}
		}
		for _, p := range b.Panels {
			for _, fault := range faultsOfPanel(p, known) {
				t.Errorf("%s, panel %q: %s", name, p.Title, fault)
			}
		}
		for _, fault := range overlaps(b.Panels) {
			t.Errorf("%s: %s", name, fault)
		}
	}
	// The controls.
	if overlaps([]panel{{ID: 1, Title: "a", Type: "stat"}, {ID: 1, Title: "b", Type: "stat"}}) == nil {
		t.Error("two panels with one ID were not noticed")
	}
	if faultsOfVariable(variable{Type: "query", Definition: "label_values(recount_never, context)"}, known) == nil ||
		faultsOfVariable(variable{Type: "query", Definition: "label_values(recount_projector_lag_seconds, topic)"}, known) == nil {
		t.Error("a variable that has no values was not noticed")
	}
	empty := panel{Title: "x", Type: "stat"}
	if len(faultsOfPanel(empty, known)) == 0 {
		t.Error("a panel that shows nothing was not noticed")
	}
}

func faultsOfPanel(p panel, known map[string]metric) (faults []string) {
	if p.Type == "row" {
		return nil
	}
	if p.Description == "" || p.Fields.Defaults.Unit == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
		faults = append(faults, "a description, a unit, the variable datasource and a query are needed")
	}
	for _, target := range p.Targets {
		query := plain(target.Expr)
		faults = append(faults, faultsOf(query, known)...)
		faults = append(faults, missingLabels(target.LegendFormat, query, known)...)
		if strings.Contains(query, "$") {
			faults = append(faults, fmt.Sprintf("%s has a variable that the board does not", target.Expr))
		}
	}
	return faults
}

func faultsOfVariable(v variable, known map[string]metric) []string {
	if v.Type != "query" {
		return nil
	}
	call := regexp.MustCompile(`^label_values\((.+), ([a-z_]+)\)$`).FindStringSubmatch(v.Definition)
	if call == nil {
		return []string{fmt.Sprintf("%q is not label_values(…, label)", v.Definition)}
	}
	return append(faultsOf(plain(call[1]), known), missingLabels("{{"+call[2]+"}}", plain(call[1]), known)...)
}

// overlaps finds panels that lie on each other or beyond the board's 24 columns, and IDs and titles that are used twice.
func overlaps(panels []panel) (faults []string) {
	type place struct{ x, y int }
	ids, titles, taken := map[int]bool{}, map[string]bool{}, map[place]string{}
	for _, p := range panels {
		if ids[p.ID] || titles[p.Title] {
			faults = append(faults, fmt.Sprintf("the panel %q is there twice, or its ID %d is", p.Title, p.ID))
		}
		ids[p.ID], titles[p.Title] = true, true
		for x := range p.Grid.W {
			for y := range p.Grid.H {
				at := place{p.Grid.X + x, p.Grid.Y + y}
				if taken[at] != "" || at.x >= 24 {
					faults = append(faults, fmt.Sprintf("%q lies on %q, or beyond the edge", p.Title, taken[at]))
				}
				taken[at] = p.Title
			}
		}
	}
	return faults
}
