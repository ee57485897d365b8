package ingest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"recount/internal/es"
	"recount/internal/serde"
)

// Result is what became of a command.
type Result struct {
	CommandID string `json:"command_id"`
	// Command is the wire name: "bank.account.deposit".
	Command string     `json:"command"`
	Outcome es.Outcome `json:"outcome"`
	// Code and Detail say why a command was refused or failed.
	Code   string `json:"code,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Version is the aggregate's version afterwards.
	Version int64 `json:"version"`
	// Position is the place of the last event: "bank/3@1234".
	Position string `json:"position,omitempty"`
	// Duplicate says that the command had been decided before, and this is the recorded outcome.
	Duplicate bool              `json:"duplicate,omitempty"`
	Events    []json.RawMessage `json:"events"`
}

// resultOf reads a reply.
func resultOf(codec *serde.Codec, reply serde.Reply) (Result, error) {
	res := Result{
		CommandID: reply.CommandID, Command: reply.Command, Outcome: reply.Outcome,
		Code: reply.Code, Detail: reply.Detail, Version: reply.Version, Position: reply.Position,
		Duplicate: reply.Duplicate, Events: []json.RawMessage{},
	}
	for i, frame := range reply.Events {
		event, err := codec.EventToJSON(frame)
		if err != nil {
			return res, fmt.Errorf("event %d of the reply: %w", i, err)
		}
		res.Events = append(res.Events, event)
	}
	return res, nil
}

// problem returns what a refused or failed command's caller is told; nil for one that was accepted.
func (res Result) problem() *Problem {
	var p *Problem
	switch {
	case res.Outcome == es.Accepted || res.Outcome == es.Unchanged:
		return nil
	case res.Outcome == es.Failed:
		p = newProblem(http.StatusInternalServerError, res.Code, "the command could not be decided and lies in the dead letters: "+res.Detail)
	case res.Code == es.VersionConflict.Error():
		p = newProblem(http.StatusPreconditionFailed, res.Code, fmt.Sprintf("the aggregate is at version %d", res.Version))
	case res.Code == es.CommandIDReused.Error():
		p = newProblem(http.StatusUnprocessableEntity, res.Code, "another command has been sent to this aggregate under the same ID; nothing was changed")
	default:
		p = newProblem(http.StatusConflict, res.Code, res.Detail)
	}
	p.CommandID, p.Command, p.Outcome, p.Version, p.Duplicate = res.CommandID, res.Command, string(res.Outcome), &res.Version, res.Duplicate
	return p
}

// write answers a caller who waited.
func (res Result) write(w http.ResponseWriter) {
	if p := res.problem(); p != nil {
		p.write(w)
		return
	}
	// The version is what If-Match compares, so it is the entity tag.
	w.Header().Set("ETag", strconv.Quote(strconv.FormatInt(res.Version, 10)))
	writeJSON(w, http.StatusOK, "application/json", res)
}
