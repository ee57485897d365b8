package status

import (
	"context"
	"fmt"
	"strings"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
)

// gatherer asks for what a report holds. What can't be asked becomes a warning, and the rest is asked all the same.
type gatherer struct {
	cfg    *Question
	p      *cli.Process
	now    time.Time
	report *Report
}

func (g *gatherer) missed(code, do string, err error) {
	g.report.Warnings = append(g.report.Warnings, Warning{Code: code, Text: err.Error(), Do: do})
}

func (g *gatherer) gather(ctx context.Context) {
	g.roles(ctx)
	g.service(ctx, "schema registry", func(ctx context.Context) error { return role.ReachRegistry(ctx, g.cfg.Services) })
	tool := role.Tool(g.p, g.cfg.Services)
	tool.WithoutSchemas = true
	g.service(ctx, "Kafka", func(ctx context.Context) error {
		return tool.Do(ctx, func(ctx context.Context, f *role.Foundation) error {
			g.writeSide(ctx, f)
			g.service(ctx, "ClickHouse", func(ctx context.Context) error { return g.views(ctx, f) })
			return nil
		})
	})
}

// service asks one, and notes whether it answered.
func (g *gatherer) service(ctx context.Context, name string, ask func(context.Context) error) {
	at := len(g.report.Services)
	g.report.Services = append(g.report.Services, Service{Name: name, Reachable: true})
	if err := ask(ctx); err != nil {
		g.report.Services[at].Reachable, g.report.Services[at].Problem = false, err.Error()
	}
}

func (g *gatherer) writeSide(ctx context.Context, f *role.Foundation) {
	for _, c := range f.Contexts {
		found, err := g.context(ctx, f, c.Name)
		if err == nil && len(c.Processes) > 0 {
			found.Sagas, err = g.sagaWorkers(ctx, f, c.Name)
		}
		if err != nil {
			g.missed(CodeNotAsked, "see that the topics are there (aggregator run --create-topics makes them) and ask again", fmt.Errorf("context %s: %w", c.Name, err))
			continue
		}
		g.report.Contexts = append(g.report.Contexts, found)
	}
	found, err := f.OpenTransactions(ctx, g.cfg.OlderThan, g.now)
	g.report.Transactions = append(g.report.Transactions, found...)
	if err != nil {
		g.missed(CodeNotAsked, "see which broker does not answer: some open transactions may not be listed", err)
	}
}

func (g *gatherer) context(ctx context.Context, f *role.Foundation, name string) (Context, error) {
	c := Context{Name: name, Members: []string{}}
	group, err := kafka.DescribeGroup(ctx, f.Kafka, aggregator.Group(name))
	if err != nil {
		return c, err
	}
	c.Group = group.State
	for _, m := range group.Members {
		c.Members = append(c.Members, strings.TrimPrefix(m.Name, aggregator.Group(name)+"."))
	}
	r, err := kafka.NewLagReader(f.Kafka)
	if err != nil {
		return c, err
	}
	defer r.Close()
	lags, err := r.Lag(ctx, aggregator.Group(name), name+kafka.CommandsSuffix, name+kafka.DispatchSuffix)
	if err != nil {
		return c, err
	}
	outputs := []string{name + kafka.EventsSuffix, name + kafka.RefusalsSuffix, name + kafka.DeadLettersSuffix}
	extents, err := r.Extents(ctx, outputs...)
	if err != nil {
		return c, err
	}
	owners := group.Owners()
	for n := range int32(len(extents[outputs[0]])) {
		p := Partition{Number: n, Owner: strings.TrimPrefix(owners[n], aggregator.Group(name)+".")}
		for _, l := range lags {
			if l.Partition == n {
				p.Inputs = append(p.Inputs, input(l, g.now))
			}
		}
		for _, t := range outputs {
			e := extents[t][n]
			p.Outputs = append(p.Outputs, Output{Topic: t, Start: e.Start, Stable: e.Stable, End: e.End})
		}
		c.Partitions = append(c.Partitions, p)
	}
	return c, nil
}

func (g *gatherer) sagaWorkers(ctx context.Context, f *role.Foundation, name string) (*SagaWorkers, error) {
	of := aggregator.ProcessGroup(name)
	group, err := kafka.DescribeGroup(ctx, f.Kafka, of)
	if err != nil {
		return nil, err
	}
	s := &SagaWorkers{Group: group.State, Members: []string{}}
	for _, m := range group.Members {
		s.Members = append(s.Members, strings.TrimPrefix(m.Name, of+"."))
	}
	r, err := kafka.NewLagReader(f.Kafka)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	lags, err := r.Lag(ctx, of, name+kafka.InboxSuffix, name+kafka.EventsSuffix)
	for _, l := range lags {
		s.LagRecords += l.Records
		s.LagSeconds = max(s.LagSeconds, l.Age(g.now).Seconds())
	}
	return s, err
}

func (g *gatherer) views(ctx context.Context, f *role.Foundation) error {
	db, err := f.Views(ctx)
	if err != nil {
		return err
	}
	found, err := f.ViewStandings(ctx, db, g.now)
	if err != nil {
		g.missed(CodeNotAsked, "see that projectors run has made the database, and ask again", err)
	}
	g.report.Views = append(g.report.Views, found...)
	sagas, err := f.SagaStandings(ctx, db)
	if err != nil {
		g.missed(CodeNotAsked, "ask saga list, which folds their log, and see what ClickHouse says", err)
	}
	g.report.Sagas = append(g.report.Sagas, sagas...)
	return nil
}
