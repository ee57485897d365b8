package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"recount/domain/bank/account"
)

// asker asks ClickHouse over HTTP. What is timed is the question with its whole answer, and not what Go makes of it.
type asker struct {
	client http.Client
	url    string
}

func newAsker(address string) *asker {
	return &asker{url: address + "/?" + url.Values{"database": {database}, "default_format": {"RowBinary"}}.Encode()}
}

func (a *asker) ask(ctx context.Context, question string) (answer []byte, took time.Duration, err error) {
	began := time.Now()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, strings.NewReader(question))
	if err != nil {
		return nil, 0, err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	answer, err = io.ReadAll(response.Body)
	took = time.Since(began)
	if err = errors.Join(err, response.Body.Close()); err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("ClickHouse says %s to %q: %s", response.Status, question, answer)
	}
	return answer, took, err
}

// decode reads rows of an account and its balance, with the status after it where there is one, and as many more strings.
func decode(answer []byte, status bool, more int) (map[string]standing, error) {
	out := map[string]standing{}
	for r := bytes.NewReader(answer); r.Len() > 0; {
		id, err := text(r)
		if err != nil {
			return nil, err
		}
		var s standing
		var balance [8]byte
		if _, err := io.ReadFull(r, balance[:]); err != nil {
			return nil, fmt.Errorf("the balance of %s: %w", id, err)
		}
		s.balance = int64(binary.LittleEndian.Uint64(balance[:]))
		if status {
			t, err := text(r)
			if err != nil {
				return nil, err
			}
			s.status = account.Status(t)
		}
		for range more {
			if _, err := text(r); err != nil {
				return nil, err
			}
		}
		if _, twice := out[id]; twice {
			return nil, fmt.Errorf("account %s answers twice", id)
		}
		out[id] = s
	}
	return out, nil
}

func text(r *bytes.Reader) (string, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil || n > uint64(r.Len()) {
		return "", errors.Join(errors.New("the answer is cut off"), err)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return string(b), err
}

// check compares an answer with the fold of the same entries.
func (q question) check(b books, answer []byte, valid, known int64, n int) error {
	more := 0
	if q.whole && q.status {
		more = 1 // the currency
	}
	found, err := decode(answer, q.status, more)
	if err != nil {
		return err
	}
	if !q.known {
		known = b.end()
	}
	first, last := n, n
	if q.whole {
		first, last = 0, b.accounts-1
	}
	expected := 0
	for n := first; n <= last; n++ {
		want, open := b.standing(n, valid, known)
		got, ok := found[accountID(n)]
		if !open && (!ok || q.unopened) {
			continue
		}
		expected++
		if !q.status {
			want.status = ""
		}
		if !ok || got != want {
			return fmt.Errorf("%s: account %s is %+v (found: %v), want %+v by the fold", q.says, accountID(n), got, ok, want)
		}
	}
	if !q.unopened && len(found) != expected {
		return fmt.Errorf("%s: %d accounts answer, %d are open by the fold", q.says, len(found), expected)
	}
	return nil
}
