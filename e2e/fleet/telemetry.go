package fleet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	fetchTimeout = 10 * time.Second
	readyPause   = 20 * time.Millisecond
)

func fetch(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s: %.300s", url, resp.Status, body)
	}
	return string(body), nil
}

// AwaitReady waits until it has caught up with everything it was given. The error is the last answer, or how it died.
func (m *Member) AwaitReady(ctx context.Context) error {
	for {
		_, err := m.get(ctx, "/readyz")
		if err == nil {
			return nil
		}
		if died := m.Died(); died != nil {
			return died
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", m.Name, err)
		case <-time.After(readyPause):
		}
	}
}

// Metric is the sum of one of its metrics over all labels; 0 where it has none of that name yet.
func (m *Member) Metric(ctx context.Context, name string) (float64, error) {
	body, err := m.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	return metricOf(body, name)
}

// metricOf adds up the lines of a metric in Prometheus's text format: its name, labels in braces if any, and a value.
func metricOf(body, name string) (sum float64, err error) {
	for line := range strings.Lines(body) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' '):]), 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", name, err)
		}
		sum += value
	}
	return sum, nil
}
