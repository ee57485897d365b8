package ingest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
)

// submission is one command on its way from a request to its outcome.
type submission struct {
	key     CommandKey
	command kafka.Command
	wait    time.Duration
	reply   <-chan []byte // where the outcome will come, if the caller waits
}

// post takes one command: checks it, publishes it, and answers when the broker has it, or when it is decided where the
// caller would wait for that.
func (s *Server) post(w http.ResponseWriter, r *http.Request, actor string) {
	if isClosed(s.draining) {
		newProblem(http.StatusServiceUnavailable, CodeDraining, "this server is shutting down; nothing was published").write(w)
		return
	}
	info, meta, p := s.readRequest(r, actor)
	if p == nil {
		p = checkMediaType(r)
	}
	var body []byte
	if p == nil {
		body, p = readBody(w, r, s.cfg.BodyBytesMax)
	}
	if p != nil {
		p.write(w)
		return
	}
	sub := submission{key: CommandKey{info.Context, info.Aggregate, meta.AggregateID, meta.CommandID}}
	trail := trailOf(w)
	trail.Asked(info.Type, sub.key, cmp.Or(meta.CorrelationID, meta.CommandID))
	if s.cfg.Replies != nil {
		if sub.wait = waitOf(w, r, s.cfg.WaitMax); sub.wait > 0 {
			var address string
			address, sub.reply = s.waiters.add()
			defer s.waiters.remove(address)
			meta.ReplyTo = s.cfg.Replies.Instance() + "/" + address
		}
	}
	frame, p := s.encode(info, meta, body)
	if p != nil {
		p.write(w)
		return
	}
	sub.command = kafka.Command{
		Topic:     info.Context + kafka.CommandsSuffix,
		Partition: partition.Of(meta.AggregateID, s.cfg.Partitions),
		Key:       []byte(meta.AggregateID), Value: frame, Headers: traceOf(r), Context: trail.Context(),
	}
	s.submit(w, r, &sub)
}

// readRequest reads everything but the body: which command, for whom, under which conditions.
func (s *Server) readRequest(r *http.Request, actor string) (info commandInfo, meta es.CommandMeta, p *Problem) {
	if info, p = s.catalog.command(r.PathValue("context"), r.PathValue("aggregate"), r.PathValue("command")); p != nil {
		return info, meta, p
	}
	if p = s.cfg.Policy.permit(actor, info); p != nil {
		return info, meta, p
	}
	id := r.PathValue("id")
	if err := checkID(id); err != nil {
		p = newProblem(http.StatusBadRequest, CodeMalformed, fmt.Sprintf("the ID in the address %v", err))
		p.Field = "id"
		return info, meta, p
	}
	meta, p = readMeta(r, id, actor)
	return info, meta, p
}

// encode checks body against the command's schema.
func (s *Server) encode(info commandInfo, meta es.CommandMeta, body []byte) ([]byte, *Problem) {
	var frame []byte
	fault := checkBody(body)
	if fault == nil {
		frame, fault = encodeCommand(s.cfg.Codec, info.Type, meta, body)
	}
	if fault == nil {
		return frame, nil
	}
	status, code := http.StatusUnprocessableEntity, CodeInvalidField
	if fault.malformed {
		status, code = http.StatusBadRequest, CodeMalformed
	}
	p := newProblem(status, code, fault.reason)
	p.Field, p.CommandID = fault.field, meta.CommandID
	return nil, p
}

func checkBody(body []byte) *fault {
	if len(bytes.TrimSpace(body)) == 0 {
		return malformed("the body is empty: a command without fields has {}")
	}
	return checkJSON(body)
}

// submit publishes the command and sees the caller answered.
func (s *Server) submit(w http.ResponseWriter, r *http.Request, sub *submission) {
	acked := make(chan error, 1)
	err := s.cfg.Publisher.TryProduce(sub.command, func(_ int32, _ int64, err error) { acked <- err })
	if err != nil {
		s.notPublished(err, sub).write(w)
		return
	}
	timeout := time.NewTimer(s.cfg.AckTimeout)
	defer timeout.Stop()
	select {
	case err := <-acked:
		if err != nil {
			s.notPublished(err, sub).write(w)
			return
		}
	case <-timeout.C:
		s.notPublished(fmt.Errorf("the broker has not acknowledged it within %v", s.cfg.AckTimeout), sub).write(w)
		return
	case <-r.Context().Done():
		return // the caller has gone: nobody is left to answer, and the command goes its way
	}
	if reply := s.await(r, sub); reply != nil && s.answer(w, sub, reply) {
		return
	}
	location := sub.key.location()
	w.Header().Set("Location", location)
	writeJSON(w, http.StatusAccepted, "application/json", accepted{sub.key.CommandID, location})
}

// accepted is what a caller is told whose command the broker has and nobody has decided yet.
type accepted struct {
	CommandID string `json:"command_id"`
	Location  string `json:"location"`
}

// location is the address of a command's outcome.
func (k CommandKey) location() string {
	segments := []string{"/v1", k.Context, k.Aggregate, k.ID, "commands", k.CommandID}
	for i, s := range segments[1:] {
		segments[i+1] = url.PathEscape(s)
	}
	return strings.Join(segments, "/")
}

// notPublished says why a command may not have reached the broker.
func (s *Server) notPublished(err error, sub *submission) *Problem {
	var p *Problem
	switch {
	case errors.Is(err, kafka.ErrOverloaded):
		p = newProblem(http.StatusTooManyRequests, CodeOverloaded, "too much waits for the broker's acknowledgement; nothing was published")
	case errors.Is(err, kafka.ErrTooLarge):
		p = newProblem(http.StatusRequestEntityTooLarge, CodeTooLarge, "the command is larger than the broker takes; nothing was published")
	default:
		s.cfg.Log.Error("a command may not have been published", "command_id", sub.key.CommandID, "error", err)
		p = newProblem(http.StatusServiceUnavailable, CodeBroker, "the command may or may not have been published: send it again with the same Idempotency-Key, which is safe; "+err.Error())
	}
	p.CommandID = sub.key.CommandID
	return p
}

// await returns the reply's frame, or nil when none came in time, or when the server must stop.
func (s *Server) await(r *http.Request, sub *submission) []byte {
	if sub.reply == nil {
		return nil
	}
	timeout := time.NewTimer(sub.wait)
	defer timeout.Stop()
	select {
	case reply := <-sub.reply:
		return reply
	case <-timeout.C:
	case <-s.hurry:
	case <-r.Context().Done():
	}
	return nil
}

// answer writes a reply's outcome. false: the reply can't be read, so the caller is told to look for the outcome itself.
func (s *Server) answer(w http.ResponseWriter, sub *submission, frame []byte) bool {
	reply, err := s.cfg.Codec.DecodeReply(frame)
	if err == nil && (reply.CommandID != sub.key.CommandID || reply.AggregateID != sub.key.ID) {
		err = fmt.Errorf("it is for command %s of %s", reply.CommandID, reply.AggregateID)
	}
	var res Result
	if err == nil {
		res, err = resultOf(s.cfg.Codec, reply)
	}
	if err != nil {
		s.cfg.Log.Error("a reply could not be used", "command_id", sub.key.CommandID, "error", err)
		return false
	}
	trailOf(w).Told(res.Outcome, res.Code)
	res.write(w)
	return true
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
