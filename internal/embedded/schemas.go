package embedded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// maxSchemaBytes bounds a request to the registry.
const maxSchemaBytes = 1 << 20

// maxSubject is the longest name, in bytes, that srfake gives a subject.
const maxSubject = 255

// schemas is srfake with a memory: every answer waits until the state it was made from is on disk. One who used an ID
// that is not could, after a crash, find another schema behind it.
//
// Two locks keep the disk out of the requests' way. mu is held while a request is answered into memory; disk while the
// state is saved. Of the requests that come in while a save is under way, the first to get disk afterwards saves the
// state after all of them, and the others find their change saved: a program that registers its schemas side by side
// waits for a few saves, not for one each.
type schemas struct {
	registry *srfake.Registry
	path     string // of the state file; "" keeps nothing

	mu      sync.Mutex
	state   registryState
	changes int // how many changes made state

	disk  sync.Mutex
	saved int // how many changes are on disk; under disk
}

// openSchemas restores the state in the file at path, if there is one.
func openSchemas(path string) (*schemas, error) {
	state, err := loadRegistryState(path)
	if err != nil {
		return nil, err
	}
	s := &schemas{registry: srfake.NewRegistry(), path: path, state: state}
	if err := s.restore(); err != nil {
		return nil, fmt.Errorf("restore the schemas in %s: %w; delete the file only together with all topics written with its IDs", path, err)
	}
	return s, nil
}

// restore brings every schema back under its own ID and version, in the order of registration.
func (s *schemas) restore() (err error) {
	// srfake panics where two schemas claim one ID or where one refers to another that is not there. Both mean that
	// the file was damaged, which is an answer, not a reason to crash.
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("the file contradicts itself: %v", reason)
		}
	}()
	seen := map[int]bool{}
	for _, r := range s.state.Schemas {
		schema := sr.Schema{Schema: r.Schema, Type: r.Type, References: r.References}
		if !seen[r.ID] {
			s.registry.SeedSchema(r.Subject, r.Version, r.ID, schema)
			seen[r.ID] = true
			continue
		}
		// The same schema under another subject has the same ID, and srfake gives it out again by itself.
		id, version, err := s.registry.RegisterSchema(r.Subject, schema)
		if err != nil || id != r.ID || version != r.Version {
			return errors.Join(fmt.Errorf("%s version %d with ID %d came back as version %d with ID %d", r.Subject, r.Version, r.ID, version, id), err)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(s.state.Settings)) {
		answer, err := s.pass(http.MethodPut, path, []byte(s.state.Settings[path]))
		if err != nil || answer.status != http.StatusOK {
			return errors.Join(fmt.Errorf("set %s again: %s", path, answer.body.Bytes()), err)
		}
	}
	return nil
}

// ServeHTTP answers one request.
func (s *schemas) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	subject, registers := registration(r)
	switch {
	case strings.HasPrefix(r.URL.Path, "/contexts/"):
		// A change made by way of one would not be recognized here, and not be kept.
		writeRegistryError(w, http.StatusMethodNotAllowed, sr.ErrOperationNotPermitted.Code, "the embedded registry has the default context alone")
	case registers:
		s.answer(w, r, func(body []byte) error { return s.keepSchema(subject, body) })
	case r.Method == http.MethodPut:
		s.answer(w, r, func(body []byte) error {
			s.keep(s.state.withSetting(r.URL.EscapedPath(), string(body)))
			return nil
		})
	case r.Method == http.MethodDelete:
		// A deleted schema would make the records written with it unreadable, for ever.
		writeRegistryError(w, http.StatusMethodNotAllowed, sr.ErrOperationNotPermitted.Code, "the embedded registry keeps every schema and setting")
	default: // reads, and checks that change nothing
		s.answer(w, r, func([]byte) error { return nil })
	}
}

// registration recognizes POST /subjects/{subject}/versions.
func registration(r *http.Request) (subject string, ok bool) {
	escaped, ok := strings.CutPrefix(r.URL.EscapedPath(), "/subjects/")
	if !ok || r.Method != http.MethodPost {
		return "", false
	}
	escaped, ok = strings.CutSuffix(escaped, "/versions")
	if !ok {
		return "", false
	}
	subject, err := url.PathUnescape(escaped)
	return subject, err == nil
}

// answer lets srfake do it, waits until the state after it is on disk, and only then answers.
func (s *schemas) answer(w http.ResponseWriter, r *http.Request, keep func(body []byte) error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSchemaBytes))
	if err != nil {
		writeRegistryError(w, http.StatusUnprocessableEntity, sr.ErrInvalidSchema.Code, "read the request: "+err.Error())
		return
	}
	answer, made, err := s.apply(r, body, keep)
	if err == nil {
		err = s.save(made)
	}
	if err != nil {
		// srfake now remembers what the disk does not. A retry finds it there, and tries the disk again.
		writeRegistryError(w, http.StatusInternalServerError, sr.ErrStoreError.Code, "keep the change: "+err.Error())
		return
	}
	maps.Copy(w.Header(), answer.header)
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body.Bytes()) // a client that has gone asks again, and gets the same ID
}

// apply returns srfake's answer and the number of changes it was made after.
func (s *schemas) apply(r *http.Request, body []byte, keep func(body []byte) error) (*heldAnswer, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if subject, registers := registration(r); registers {
		s.seed(subject, body)
	}
	answer, err := s.pass(r.Method, r.URL.RequestURI(), body)
	if err == nil && answer.status == http.StatusOK {
		err = keep(body)
	}
	return answer, s.changes, err
}

// seed gives srfake a schema that nobody has registered, under the ID that it would get next. Asked to register it,
// srfake would first compare it with every schema there is, which for all of a program's takes longer than the rest of
// its start; so it finds it under its subject, where it looks first. Anything unusual is left to srfake.
func (s *schemas) seed(subject string, body []byte) {
	var schema sr.Schema
	if json.Unmarshal(body, &schema) != nil || schema.Type != sr.TypeAvro || len(schema.References) > 0 || !json.Valid([]byte(schema.Schema)) ||
		subject == "" || len(subject) > maxSubject || strings.ContainsRune(subject, 0) {
		return
	}
	id := 1
	for _, have := range s.state.Schemas {
		if have.Subject == subject || have.Schema == schema.Schema {
			return
		}
		id = max(id, have.ID+1)
	}
	s.registry.SeedSchema(subject, 1, id, schema)
}

// save returns once as many changes are on disk.
func (s *schemas) save(changes int) error {
	s.disk.Lock()
	defer s.disk.Unlock()
	if s.saved >= changes {
		return nil
	}
	s.mu.Lock()
	state, newest := s.state, s.changes // a state is never changed, only replaced
	s.mu.Unlock()
	if err := state.save(s.path); err != nil {
		return err
	}
	s.saved = newest
	return nil
}

// pass hands a request to srfake and returns its answer.
func (s *schemas) pass(method, target string, body []byte) (*heldAnswer, error) {
	answer := &heldAnswer{header: http.Header{}, status: http.StatusOK}
	request, err := http.NewRequest(method, target, bytes.NewReader(body))
	if err != nil {
		return answer, err
	}
	s.registry.Handler().ServeHTTP(answer, request)
	return answer, nil
}

// heldAnswer is an answer that waits for the disk.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *heldAnswer) Header() http.Header         { return a.header }
func (a *heldAnswer) WriteHeader(status int)      { a.status = status }
func (a *heldAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }

// keepSchema keeps the schema that was just registered. Registering it again finds the ID and version it has.
func (s *schemas) keepSchema(subject string, body []byte) error {
	var schema sr.Schema
	if err := json.Unmarshal(body, &schema); err != nil {
		return err
	}
	id, version, err := s.registry.RegisterSchema(subject, schema)
	if err != nil {
		return err
	}
	s.keep(s.state.withSchema(registeredSchema{
		Subject: subject, Version: version, ID: id, Type: schema.Type, Schema: schema.Schema, References: schema.References,
	}))
	return nil
}

// keep makes state the one to be saved, if it is a new one; programs register all their schemas whenever they start.
func (s *schemas) keep(state registryState, changed bool) {
	if changed {
		s.state = state
		s.changes++
	}
}

func writeRegistryError(w http.ResponseWriter, status, code int, message string) {
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	w.WriteHeader(status)
	// A client that has gone needs no answer.
	_ = json.NewEncoder(w).Encode(map[string]any{"error_code": code, "message": message})
}
