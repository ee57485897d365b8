package main

import (
	"encoding/binary"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"recount/domain/bank/account"
)

func TestDefaultsAreTheFullBenchmark(t *testing.T) {
	t.Parallel()
	o, err := parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.books.rows() != 10_000_000 || o.books.accounts != 100_000 || o.rounds != 20 || o.Out != filepath.Join("bench", "results", "asof.json") {
		t.Errorf("defaults %+v", o)
	}
}

func TestOptionsTellAllTheirFaults(t *testing.T) {
	t.Parallel()
	_, err := parse([]string{"--accounts", "3", "--versions", "0", "--rounds", "0", "--warm-up", "-1", "rest"}, io.Discard)
	for _, fault := range []string{"--accounts", "--versions", "--rounds", "--warm-up", `"rest"`} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%v does not tell of %s", err, fault)
		}
	}
}

// TestTheBooksTellTheAnswersApart: there is money in and out, there are freezes, and a good part is back-dated.
func TestTheBooksTellTheAnswersApart(t *testing.T) {
	t.Parallel()
	b := books{accounts: 1000, versions: 100, seed: 7}
	kinds, late, out := map[kind]int{}, 0, 0
	for n := range b.accounts {
		latest := int64(0)
		for version := 1; version <= b.versions; version++ {
			e := b.at(n, version)
			kinds[e.kind]++
			if e.validAt < latest {
				late++
			}
			if e.amount < 0 {
				out++
			}
			latest = max(latest, e.validAt)
			if e.validAt > e.recordedAt || e.recordedAt >= b.end() {
				t.Fatalf("account %d version %d: %+v", n, version, e)
			}
		}
	}
	if kinds[opening] != b.accounts || kinds[freezing] < 100 || kinds[unfreezing] < 100 || late < b.rows()/100 || out < b.rows()/10 {
		t.Errorf("kinds %v, %d late, %d out", kinds, late, out)
	}
	if (b.at(5, 9) == books{accounts: 1000, versions: 100, seed: 8}.at(5, 9)) {
		t.Error("the seed decides nothing")
	}
}

// rowBinary is an answer about the first accounts, in the form that ClickHouse gives.
func rowBinary(b books, valid, known int64) (out []byte) {
	for n := range b.accounts {
		s, ok := b.standing(n, valid, known)
		if !ok {
			continue
		}
		for _, part := range []any{accountID(n), s.balance, string(s.status), currency(n)} {
			switch v := part.(type) {
			case string:
				out = append(binary.AppendUvarint(out, uint64(len(v))), v...)
			case int64:
				out = binary.LittleEndian.AppendUint64(out, uint64(v))
			}
		}
	}
	return out
}

func TestAWrongAnswerDoesNotCount(t *testing.T) {
	t.Parallel()
	b := books{accounts: 50, versions: 40, seed: 3}
	valid := begin + 20*step
	var whole question
	for _, q := range questions() {
		if q.name == "whole_book" {
			whole = q
		}
	}
	right := rowBinary(b, valid, b.end())
	if err := whole.check(b, right, valid, 0, 0); err != nil {
		t.Fatal(err)
	}
	spoilt := append([]byte{}, right...)
	spoilt[1+len(accountID(0))]++ // the first balance
	one := right[:1+len(accountID(0))+8+1+len(account.StatusOpen)+1+len("EUR")]
	for name, answer := range map[string][]byte{
		"of another day":     rowBinary(b, valid-5*step, b.end()),
		"of what was known":  rowBinary(b, valid, valid-5*step),
		"a balance is wrong": spoilt,
		"an account lacks":   right[len(one):],
		"an account more":    append(append([]byte{}, right...), append([]byte{4, 'm', 'o', 'r', 'e'}, one[1+len(accountID(0)):]...)...),
		"an account twice":   append(append([]byte{}, right...), one...),
		"cut off":            right[:len(right)-2],
		"empty":              nil,
	} {
		if err := whole.check(b, answer, valid, 0, 0); err == nil {
			t.Errorf("%s: the answer counts", name)
		}
	}
}
