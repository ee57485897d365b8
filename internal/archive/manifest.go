package archive

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"recount/internal/durable"
	"recount/internal/serde"
)

// Format names the form of a manifest, and of the files it lists.
const Format = "recount-archive/1"

// ManifestName is the manifest's file in the archive's folder.
const ManifestName = "manifest.json"

// Manifest says what an archive holds.
type Manifest struct {
	Format string `json:"format"`
	// Partitions is how many each topic has.
	Partitions int32 `json:"partitions"`
	// Topics are those whose events are kept, with their incarnations: another of the same name is another log.
	Topics  []Topic  `json:"topics"`
	Schemas []Schema `json:"schemas"`
	// Files are sorted by topic, partition and range.
	Files []File `json:"files"`
	// Cut is how everything stood when the newest export ended; nil while one is under way, or where it was killed.
	Cut *Cut `json:"cut"`
}

// Topic is one topic of events.
type Topic struct {
	Name        string `json:"name"`
	Incarnation string `json:"incarnation"`
}

// Schema is a version of an event's schema.
type Schema struct {
	serde.EventSchema
	Fingerprint string          `json:"fingerprint"`
	Schema      json.RawMessage `json:"schema"`
}

// File is one file: all events of a partition's range, From ≤ offset < Until.
type File struct {
	Path      string `json:"path"` // in the archive's folder, with slashes
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"`
	Until     int64  `json:"until"`
	Records   int64  `json:"records"`
	Bytes     int64  `json:"bytes"`
	SHA256    string `json:"sha256"`
}

// Cut is how everything that an archive does not hold stood when it was made.
type Cut struct {
	At time.Time `json:"at"`
	// Sagas are the next events that processes would have taken in.
	Sagas []SagaPosition `json:"sagas"`
	// Waiting are the commands that had not been decided, and the answers that processes had not taken in.
	Waiting []Waiting `json:"waiting"`
	// Moving says that events were written while it was looked at what waits.
	Moving bool `json:"moving"`
}

// SagaPosition is the place of a context's processes in one partition of its events; none: they have not begun.
type SagaPosition struct {
	Context   string `json:"context"`
	Partition int32  `json:"partition"`
	Next      int64  `json:"next"`
}

// Waiting counts what was under way in one topic.
type Waiting struct {
	Topic   string `json:"topic"`
	Records int64  `json:"records"`
}

// Settled says that nothing was under way: an import of the archive goes on exactly where the cluster stood.
func (c *Cut) Settled() bool { return c != nil && !c.Moving && len(c.Waiting) == 0 }

// Next is the offset after what the archive holds of a partition.
func (m *Manifest) Next(topic string, partition int32) (next int64) {
	for _, f := range m.Files {
		if f.Topic == topic && f.Partition == partition {
			next = max(next, f.Until)
		}
	}
	return next
}

// Of returns a partition's files, in order.
func (m *Manifest) Of(topic string, partition int32) (out []File) {
	for _, f := range m.Files {
		if f.Topic == topic && f.Partition == partition {
			out = append(out, f)
		}
	}
	return out
}

// Add takes over a file that is complete.
func (m *Manifest) Add(f File) {
	m.Files = append(m.Files, f)
	slices.SortFunc(m.Files, func(a, b File) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.From, b.From))
	})
}

// Fits returns an error unless a cluster with so many partitions a topic can hold the archive.
func (m *Manifest) Fits(partitions int) error {
	if int(m.Partitions) == partitions {
		return nil
	}
	return fmt.Errorf("the archive has %d partitions a topic, --partitions says %d: an aggregate would live elsewhere than its events. Give --partitions %d", m.Partitions, partitions, m.Partitions)
}

// Totals are how many events and bytes the files have.
func (m *Manifest) Totals() (records, bytes int64) {
	for _, f := range m.Files {
		records, bytes = records+f.Records, bytes+f.Bytes
	}
	return records, bytes
}

// Load reads a folder's manifest. Where there is none, the error is fs.ErrNotExist.
func Load(dir string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no archive in %s: %w", dir, err)
	}
	if err != nil {
		return nil, err
	}
	m, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ManifestName), err)
	}
	return m, nil
}

func parse(text []byte) (*Manifest, error) {
	var m Manifest
	var form struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(text, &form); err != nil {
		return nil, fmt.Errorf("it is no manifest: %w", err)
	}
	if form.Format != Format {
		return nil, fmt.Errorf("its format is %.40q, this program reads %s: use the one that wrote it, or a newer one", form.Format, Format)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("it is no manifest: %w", err)
	}
	return &m, m.check()
}

// check finds what no export writes: a range that lacks or comes twice, a path out of the folder.
func (m *Manifest) check() error {
	var faults []error
	if m.Partitions < 1 {
		faults = append(faults, fmt.Errorf("%d partitions", m.Partitions))
	}
	type place struct {
		topic     string
		partition int32
	}
	next := map[place]int64{}
	for _, f := range m.Files {
		at := place{f.Topic, f.Partition}
		switch {
		case !slices.ContainsFunc(m.Topics, func(t Topic) bool { return t.Name == f.Topic }) || f.Partition < 0 || f.Partition >= m.Partitions:
			faults = append(faults, fmt.Errorf("%s: there is no %s/%d", f.Path, f.Topic, f.Partition))
		case f.Path != PathOf(f.Topic, f.Partition, f.From) || !filepath.IsLocal(f.Path):
			faults = append(faults, fmt.Errorf("%.100q is no file of %s/%d from offset %d on", f.Path, f.Topic, f.Partition, f.From))
		case f.From != next[at] || f.Until <= f.From || f.Records < 0 || f.Records > f.Until-f.From:
			faults = append(faults, fmt.Errorf("%s: the events from offset %d on are missing, or there twice", f.Path, next[at]))
		}
		next[at] = f.Until
	}
	return errors.Join(faults...)
}

// Save puts the manifest into the folder, whole or not at all.
func (m *Manifest) Save(dir string) error {
	return durable.Write(filepath.Join(dir, ManifestName), func(to io.Writer) error {
		e := json.NewEncoder(to)
		e.SetIndent("", " ")
		e.SetEscapeHTML(false)
		if err := e.Encode(m); err != nil {
			return fmt.Errorf("writing the manifest: %w", err)
		}
		return nil
	})
}

// PathOf is where a file stands in the archive's folder.
func PathOf(topic string, partition int32, from int64) string {
	return fmt.Sprintf("%s/%d/%020d.avro", topic, partition, from)
}

// NewManifest begins one for a codec's schemas.
func NewManifest(partitions int32, topics []Topic) *Manifest {
	return &Manifest{Format: Format, Partitions: partitions, Topics: topics, Schemas: []Schema{}, Files: []File{}}
}

// Keep notes the schemas that a codec knows. Those that are there already must be the same.
func (m *Manifest) Keep(codec *serde.Codec) error {
	if err := m.Known(codec); err != nil {
		return err
	}
	m.Schemas = m.Schemas[:0]
	for _, s := range codec.EventSchemas() {
		m.Schemas = append(m.Schemas, Schema{s.EventSchema, s.Fingerprint.String(), json.RawMessage(s.Text)})
	}
	return nil
}

// Known returns an error for each schema of the archive that the codec does not have, or has otherwise.
func (m *Manifest) Known(codec *serde.Codec) error {
	ours := map[serde.EventSchema]string{}
	for _, s := range codec.EventSchemas() {
		ours[s.EventSchema] = s.Fingerprint.String()
	}
	var faults []error
	for _, s := range m.Schemas {
		switch fingerprint, ok := ours[s.EventSchema]; {
		case !ok:
			faults = append(faults, fmt.Errorf("the archive has %s, and this program does not: use the one that wrote it, or a newer one", s.EventSchema))
		case fingerprint != s.Fingerprint:
			faults = append(faults, fmt.Errorf("%s is another in the archive than in this program: a schema's file was edited, and must not be", s.EventSchema))
		}
	}
	return errors.Join(faults...)
}
