package serde

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"recount/internal/engine"
)

// published registers text as another producer would, and returns its ID.
func published(t testing.TB, fake *srfake.Registry, subject string, schema sr.Schema) int {
	t.Helper()
	id, _, err := fake.RegisterSchema(subject, schema)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// frameOf returns the frame of value, a map, written with a schema of ours or of somebody else.
func frameOf(t testing.TB, id int, schema string, value map[string]any) []byte {
	t.Helper()
	s, err := avro.Parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := s.AppendEncode(appendHeader(nil, uint32(id)), value)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func mustLearn(t testing.TB, c *Codec, frame []byte) {
	t.Helper()
	id, unknown := c.Unknown(frame)
	if !unknown {
		t.Fatalf("schema ID %d is not unknown", id)
	}
	if err := c.Learn(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, still := c.Unknown(frame); still {
		t.Fatalf("schema ID %d is still unknown", id)
	}
}

// foreignAdd is what a producer of another team registered: the meta it needs, the fields in another order, one more.
const foreignAdd = `{"type":"record","name":"Add","namespace":"library.book","fields":[
	{"name":"meta","type":{"type":"record","name":"CommandMeta","namespace":"recount","fields":[
		{"name":"aggregate_id","type":"string"},{"name":"command_id","type":"string"},{"name":"region","type":"string","default":""}]}},
	{"name":"weight","type":"double","default":0},{"name":"pages","type":"int"},{"name":"title","type":"string"}]}`

func TestForeignCommandsAreLearned(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	codec := register(t, libraryCatalog(t), r)
	id := published(t, fake, "library.commands-library.book.Add", sr.Schema{Schema: foreignAdd})
	frame := frameOf(t, id, foreignAdd, map[string]any{
		"meta": map[string]any{"aggregate_id": "b-1", "command_id": "c-1", "region": "north"}, "weight": 1.5, "pages": 7, "title": "Emma",
	})
	c := codec.Context("library")
	if cmd, err := c.DecodeCommand(frame); !errors.Is(err, engine.ErrUnknownSchema) || cmd.HasMeta {
		t.Fatalf("before it was learned: %+v, %v", cmd, err)
	}
	mustLearn(t, codec, frame)
	cmd, err := c.DecodeCommand(frame)
	if err != nil || cmd.Body != (add{Title: "Emma", Pages: 7, Language: "en"}) || cmd.Meta != someone || cmd.Type != "library.book.add" {
		t.Fatalf("DecodeCommand = %+v, %v", cmd, err)
	}
}

func TestReferencesAreFollowed(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	codec := register(t, libraryCatalog(t), r)
	const region = `{"type":"enum","name":"Region","namespace":"geo","symbols":["NORTH","SOUTH"]}`
	const meta = `{"type":"record","name":"CommandMeta","namespace":"recount","fields":[
		{"name":"aggregate_id","type":"string"},{"name":"command_id","type":"string"},{"name":"region","type":"geo.Region"}]}`
	published(t, fake, "regions", sr.Schema{Schema: region})
	published(t, fake, "metas", sr.Schema{Schema: meta, References: []sr.SchemaReference{{Name: "geo.Region", Subject: "regions", Version: 1}}})
	const joining = `{"type":"record","name":"Join","namespace":"library.reader","fields":[{"name":"meta","type":"recount.CommandMeta"},{"name":"name","type":"string"}]}`
	id := published(t, fake, "joins", sr.Schema{Schema: joining, References: []sr.SchemaReference{{Name: "recount.CommandMeta", Subject: "metas", Version: 1}}})
	frame := frameOf(t, id, strings.Replace(strings.Replace(joining, `"recount.CommandMeta"`, meta, 1), `"geo.Region"`, region, 1), map[string]any{
		"meta": map[string]any{"aggregate_id": "b-1", "command_id": "c-1", "region": "SOUTH"}, "name": "Ada"})
	mustLearn(t, codec, frame)
	if cmd, err := codec.Context("library").DecodeCommand(frame); err != nil || cmd.Body != (join{Name: "Ada"}) || cmd.Meta != someone {
		t.Fatalf("DecodeCommand = %+v, %v", cmd, err)
	}
}

// A newer release writes version 4 while we still run: its events are read as our newest, and no upcast touches them.
func TestEventsOfANewerReleaseAreLearned(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	catalog := libraryCatalog(t)
	codec := register(t, catalog, r)
	newest := catalog.records["library.book.BookAdded"].newest().text
	v4 := strings.Replace(newest, `{"name":"shelf"`, `{"name":"colours","type":{"type":"array","items":"string"},"default":[]},{"name":"shelf"`, 1)
	id := published(t, fake, "library.events-library.book.BookAdded", sr.Schema{Schema: v4})
	meta := map[string]any{
		"chain": make([]byte, 32), "event_id": make([]byte, 16), "aggregate_id": "b-1", "version": 9, "command_id": "", "correlation_id": "", "causation_id": "",
		"actor": "", "source": map[string]any{"topic": "", "incarnation": make([]byte, 16), "partition": 0, "offset": 0}, "command_hash": 0, "valid_at": 0, "recorded_at": 0,
	}
	frame := frameOf(t, id, v4, map[string]any{"meta": meta, "title": "Emma", "pages": 7, "language": "", "colours": []string{"red"}, "shelf": "A3"})
	mustLearn(t, codec, frame)
	e, err := codec.Context("library").DecodeEvent(frame)
	if err != nil || e.Body != (bookAdded{Title: "Emma", Pages: 7, Shelf: "A3"}) || e.Meta.Version != 9 || e.SchemaVersion != 0 {
		t.Fatalf("DecodeEvent = %+v, %v", e, err)
	}
	text, err := codec.EventToJSON(frame)
	if err != nil || !strings.Contains(string(text), `"colours":["red"]`) {
		t.Errorf("EventToJSON = %s, %v: it should tell what was written", text, err)
	}
}

// The same schema with other words about it is the same version: its upcasts run.
func TestSchemaThatDiffersInDocumentationIsOurs(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	codec := register(t, libraryCatalog(t), r)
	v1 := libraryCatalog(t).records["library.book.BookAdded"].versions[0].text
	id := published(t, fake, "elsewhere", sr.Schema{Schema: strings.Replace(v1, "As printed on the cover", "The title", 1)})
	frame := appendHeader(nil, uint32(id))
	frame = append(frame, frameFile(t, "BookAdded.v1.hex")[HeaderBytes:]...)
	mustLearn(t, codec, frame)
	e, err := codec.Context("library").DecodeEvent(frame)
	if err != nil || e.SchemaVersion != 1 || e.Body.(bookAdded).Shelf != "unknown/E" {
		t.Fatalf("DecodeEvent = %+v, %v", e, err)
	}
}

func TestSchemasThatAreNotOursAreRemembered(t *testing.T) {
	t.Parallel()
	const meta = `{"name":"meta","type":{"type":"record","name":"CommandMeta","namespace":"recount","fields":[{"name":"aggregate_id","type":"string"},{"name":"command_id","type":"string"}]}}`
	values := map[string]any{"meta": map[string]any{"aggregate_id": "b-1", "command_id": "c-1"}, "title": "x"}
	for name, tc := range map[string]struct {
		schema  sr.Schema
		hasMeta bool
		is      error
		says    string
	}{
		"somebody else's record":  {sr.Schema{Schema: `{"type":"record","name":"Invoice","namespace":"com.acme","fields":[{"name":"title","type":"string"}]}`}, false, engine.ErrUnknownCommand, "com.acme.Invoice"},
		"somebody else's command": {sr.Schema{Schema: `{"type":"record","name":"Burn","namespace":"library.book","fields":[` + meta + `]}`}, true, engine.ErrUnknownCommand, "library.book.Burn"},
		"ours, in another shape":  {sr.Schema{Schema: `{"type":"record","name":"Add","namespace":"library.book","fields":[` + meta + `,{"name":"title","type":"string"}]}`}, true, nil, "it can't be read as the newest version"},
		"ours, without a meta":    {sr.Schema{Schema: `{"type":"record","name":"Add","namespace":"library.book","fields":[{"name":"title","type":"string"}]}`}, false, nil, `the first field must be {"name":"meta"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, r := fakeRegistry(t)
			codec := register(t, libraryCatalog(t), r)
			id := published(t, fake, "theirs", tc.schema)
			frame := frameOf(t, id, tc.schema.Schema, values)
			mustLearn(t, codec, frame)
			cmd, err := codec.Context("library").DecodeCommand(frame)
			if err == nil || cmd.HasMeta != tc.hasMeta || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("DecodeCommand = %+v, %v", cmd, err)
			}
			if tc.hasMeta && cmd.Meta != someone {
				t.Errorf("meta = %+v", cmd.Meta)
			}
			if errors.Is(err, engine.ErrUnknownSchema) {
				t.Errorf("%v: the registry knows it", err)
			}
		})
	}
}

func TestSchemasThatAreNoAvroAreRemembered(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]map[string]any{
		"JSON schema":         {"schemaType": "JSON", "schema": `{"type":"object"}`},
		"broken":              {"schema": `{"type":"recard"}`},
		"a missing reference": {"schema": `"x.Y"`, "references": []map[string]any{{"name": "x.Y", "subject": "nowhere", "version": 1}}},
		"endless references":  {"schema": `"x.Y"`, "references": []map[string]any{{"name": "x.Y", "subject": "endless", "version": 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, r := fakeRegistry(t)
			codec := register(t, libraryCatalog(t), r)
			fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
				if req.URL.Path != "/schemas/ids/999" && !strings.Contains(req.URL.Path, "endless") {
					return false
				}
				_ = json.NewEncoder(w).Encode(answer)
				return true
			})
			frame := []byte{0, 0, 0, 3, 231, 1, 2, 3}
			mustLearn(t, codec, frame)
			cmd, err := codec.Context("library").DecodeCommand(frame)
			if err == nil || errors.Is(err, engine.ErrUnknownSchema) || cmd.HasMeta || !strings.Contains(err.Error(), "schema ID 999") {
				t.Fatalf("DecodeCommand = %+v, %v", cmd, err)
			}
		})
	}
}

func TestIDsTheRegistryDoesNotKnowCostOneRequestAWhile(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	codec := register(t, libraryCatalog(t), r)
	now := time.Unix(1_000_000, 0)
	codec.missing.now = func() time.Time { return now }
	var asked atomic.Int32
	fake.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		asked.Add(1)
		return false
	})
	frame := []byte{0, 0, 0, 3, 231, 1, 2, 3}
	mustLearn(t, codec, frame)
	if _, err := codec.Context("library").DecodeCommand(frame); !errors.Is(err, engine.ErrUnknownSchema) {
		t.Fatalf("DecodeCommand = %v", err)
	}
	var all sync.WaitGroup
	for range 8 { // partitions that meet it at once
		all.Go(func() {
			if err := codec.Learn(t.Context(), 999); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if asked.Load() != 1 {
		t.Errorf("the registry was asked %d times", asked.Load())
	}
	now = now.Add(missTime)
	mustLearn(t, codec, frame) // by now somebody may have registered it
	if asked.Load() != 2 {
		t.Errorf("the registry was asked %d times", asked.Load())
	}
}

func TestMissesAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	m := misses{now: func() time.Time { return now }}
	for id := range uint32(3 * missesMax) {
		now = now.Add(time.Microsecond)
		m.add(id)
	}
	if len(m.until) != missesMax || len(m.order) != missesMax {
		t.Errorf("%d and %d are remembered", len(m.until), len(m.order))
	}
	if m.has(2*missesMax - 1) {
		t.Error("the oldest was not forgotten first")
	}
	if !m.has(3*missesMax-1) || !m.has(2*missesMax) {
		t.Error("the newest were forgotten")
	}
	now = now.Add(missTime)
	m.add(7)
	if len(m.until) != 1 || m.has(3*missesMax-1) || !m.has(7) {
		t.Errorf("%d are remembered after their time", len(m.until))
	}
}

func TestLearnedSchemasAreBounded(t *testing.T) {
	t.Parallel()
	_, r := fakeRegistry(t)
	codec := register(t, libraryCatalog(t), r)
	for id := range uint32(learnedMax + 10) {
		codec.learn(1_000_000+id, &version{})
	}
	if n := len(codec.versions()) - codec.own; n != learnedMax {
		t.Errorf("%d foreign schemas are kept", n)
	}
}

func TestUnreachableRegistryIsAnErrorToRetry(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	codec := register(t, libraryCatalog(t), r)
	frame := []byte{0, 0, 0, 3, 231, 1, 2, 3}
	failing := func(status int, path string) {
		fake.ClearInterceptors()
		fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
			if strings.HasPrefix(req.URL.Path, path) {
				w.WriteHeader(status)
				return true
			}
			if req.URL.Path == "/schemas/ids/999" {
				_ = json.NewEncoder(w).Encode(map[string]any{"schema": `"x.Y"`, "references": []map[string]any{{"name": "x.Y", "subject": "refs", "version": 1}}})
				return true
			}
			return false
		})
	}
	for _, broken := range []struct {
		status int
		path   string
	}{{500, "/schemas"}, {404, "/schemas"}, {503, "/subjects/refs"}} { // a 404 without the registry's code is a proxy's
		failing(broken.status, broken.path)
		if err := codec.Learn(t.Context(), 999); err == nil {
			t.Errorf("an answer of %d at %s was taken for one about the schema", broken.status, broken.path)
		}
		if _, unknown := codec.Unknown(frame); !unknown {
			t.Fatalf("after an answer of %d at %s the schema counts as known", broken.status, broken.path)
		}
	}
	fake.Close()
	if err := codec.Learn(t.Context(), 999); err == nil || !strings.Contains(err.Error(), "unreachable at "+r.urls) {
		t.Errorf("Learn = %v", err)
	}
}

func TestWhatThereIsNothingToLearnAbout(t *testing.T) {
	t.Parallel()
	_, r := fakeRegistry(t)
	online := register(t, libraryCatalog(t), r)
	offline := libraryCatalog(t).Offline()
	known := commandFrame(t, online, someone, `{"title":"Emma","pages":1}`)
	for name, tc := range map[string]struct {
		codec *Codec
		frame []byte
	}{
		"garbage":            {online, []byte("garbage")},
		"nothing":            {online, nil},
		"a negative ID":      {online, []byte{0, 0xff, 0xff, 0xff, 0xff, 1}},
		"a schema of ours":   {online, known},
		"without a registry": {offline, []byte{0, 0, 0, 3, 231, 1}},
	} {
		if _, unknown := tc.codec.Unknown(tc.frame); unknown {
			t.Errorf("%s is something to learn about", name)
		}
	}
	if err := offline.Learn(t.Context(), 999); err != nil {
		t.Errorf("Learn without a registry = %v", err)
	}
}

// Learning and decoding go on at once; the race detector watches.
func TestLearningWhileDecoding(t *testing.T) {
	t.Parallel()
	fake, r := fakeRegistry(t)
	codec := register(t, libraryCatalog(t), r)
	frame := commandFrame(t, codec, someone, `{"title":"Emma","pages":1}`)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 20 {
				if i == 0 {
					text := strings.ReplaceAll(foreignAdd, "weight", "weight"+string(rune('a'+n)))
					if err := codec.Learn(t.Context(), published(t, fake, "theirs", sr.Schema{Schema: text})); err != nil {
						t.Error(err)
					}
				}
				if _, err := codec.Context("library").DecodeCommand(frame); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := len(codec.versions()) - codec.own; got != 20 {
		t.Errorf("%d schemas were learned, want 20", got)
	}
}
