package verify

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"recount/internal/durable"
	"recount/internal/es"
	"recount/internal/proof"
)

// Anchor is what is noted of a log, to be compared with it later: the newest event of every aggregate. It depends on
// nothing but the events: a log that was imported elsewhere has the same, whatever its offsets are.
//
// Its file has a line of JSON for each: the anchor itself, with the SHA-256 of the lines of heads; the partitions, with
// how far each was read, for people; the heads, by topic, type and ID. Whoever keeps that one hash elsewhere can show that
// neither the file nor, by it, the log was changed.
type Anchor struct {
	MadeAt     time.Time
	SHA256     es.Hash
	Partitions []AnchoredPartition
	Heads      []AnchoredHead
}

// AnchoredPartition is how far a partition was read when the anchor was made.
type AnchoredPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	// Next is the offset after the last that was read.
	Next   int64 `json:"next"`
	Events int64 `json:"events"`
	Heads  int   `json:"heads"`
}

// AnchoredHead is the head of one aggregate of a topic.
type AnchoredHead struct {
	Topic string
	proof.Head
}

// AnchorFormat names the form of an anchor's file.
const AnchorFormat = "recount-anchor/1"

// anchorLine is the first line of a file, headLine one of its heads.
type anchorLine struct {
	Format     string    `json:"format"`
	MadeAt     time.Time `json:"made_at"`
	Partitions int       `json:"partitions"`
	Heads      int       `json:"heads"`
	SHA256     string    `json:"heads_sha256"`
}

type headLine struct {
	Topic     string `json:"topic"`
	Aggregate string `json:"aggregate"`
	ID        string `json:"id"`
	Version   int64  `json:"version"`
	Chain     string `json:"chain"`
}

// byTopic are the heads of each topic, once for all of its partitions; none where there is no anchor.
func (a *Anchor) byTopic() map[string][]proof.Head {
	out := map[string][]proof.Head{}
	if a == nil {
		return out
	}
	for _, h := range a.Heads {
		out[h.Topic] = append(out[h.Topic], h.Head)
	}
	return out
}

func (a *Anchor) add(p Part, r proof.Result) {
	a.Partitions = append(a.Partitions, AnchoredPartition{p.Topic(), p.Partition, p.Until, r.Events, len(r.Heads)})
	for _, h := range r.Heads {
		a.Heads = append(a.Heads, AnchoredHead{p.Topic(), h})
	}
}

// seal sorts what was added, and hashes it.
func (a *Anchor) seal() {
	a.MadeAt = time.Now().UTC().Truncate(time.Second)
	slices.SortFunc(a.Heads, func(x, y AnchoredHead) int {
		return cmp.Or(strings.Compare(x.Topic, y.Topic), x.Compare(y.Head))
	})
	a.SHA256 = a.hash()
}

func (a *Anchor) hash() (sum es.Hash) {
	h := sha256.New()
	for i := range a.Heads {
		h.Write(a.Heads[i].line())
	}
	h.Sum(sum[:0])
	return sum
}

func (h *AnchoredHead) line() []byte {
	return line(headLine{h.Topic, h.Aggregate, h.ID, h.Version, h.Chain.String()})
}

func line(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("verify: " + err.Error()) // strings and numbers can be encoded
	}
	return b.Bytes()
}

// WriteTo writes the anchor's file.
func (a *Anchor) WriteTo(to io.Writer) (n int64, err error) {
	w := bufio.NewWriter(to)
	put := func(b []byte) {
		written, writeErr := w.Write(b)
		n, err = n+int64(written), errors.Join(err, writeErr)
	}
	put(line(anchorLine{AnchorFormat, a.MadeAt, len(a.Partitions), len(a.Heads), a.SHA256.String()}))
	for _, p := range a.Partitions {
		put(line(p))
	}
	for i := range a.Heads {
		put(a.Heads[i].line())
	}
	return n, errors.Join(err, w.Flush())
}

// Save writes the anchor's file, whole or not at all.
func (a *Anchor) Save(path string) error {
	return durable.Write(path, func(to io.Writer) error {
		_, err := a.WriteTo(to)
		return err
	})
}

// ReadAnchor reads an anchor's file. One that is not whole, or was changed, is an error.
func ReadAnchor(path string) (_ *Anchor, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	a, err := readAnchor(json.NewDecoder(bufio.NewReader(f)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: use another copy, or the anchor before it", path, err)
	}
	return a, nil
}

func readAnchor(from *json.Decoder) (*Anchor, error) {
	var first anchorLine
	if err := from.Decode(&first); err != nil || first.Format != AnchorFormat {
		return nil, fmt.Errorf("it is no anchor of format %s", AnchorFormat)
	}
	a := &Anchor{MadeAt: first.MadeAt}
	for range first.Partitions {
		var p AnchoredPartition
		if err := from.Decode(&p); err != nil {
			return nil, fmt.Errorf("it ends among its partitions, or was changed (%w)", err)
		}
		a.Partitions = append(a.Partitions, p)
	}
	for range first.Heads {
		h, err := readHead(from)
		if err != nil {
			return nil, fmt.Errorf("it ends among its heads, or was changed (%w)", err)
		}
		a.Heads = append(a.Heads, h)
	}
	if a.SHA256 = a.hash(); a.SHA256.String() != first.SHA256 || from.More() {
		return nil, errors.New("its heads are not those it was made of")
	}
	return a, nil
}

func readHead(from *json.Decoder) (AnchoredHead, error) {
	var l headLine
	if err := from.Decode(&l); err != nil {
		return AnchoredHead{}, err
	}
	h := AnchoredHead{l.Topic, proof.Head{Aggregate: l.Aggregate, ID: l.ID, Version: l.Version}}
	chain, err := hex.DecodeString(l.Chain)
	if err != nil || len(chain) != len(h.Chain) {
		return AnchoredHead{}, errors.New("a chain is no SHA-256")
	}
	h.Chain = es.Hash(chain)
	return h, nil
}
