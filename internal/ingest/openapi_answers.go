package ingest

// problemResponses are the errors, by status.
func problemResponses() object {
	out := object{}
	for status, description := range map[string]string{
		"400": "Not JSON, or an ID or header that can't be read.",
		"401": "No bearer token, or not one that is known.",
		"403": "The policy does not let this sender send this command; or the server has no tokens and serves only localhost.",
		"404": "No such context, aggregate, command or view (known lists those there are); or an outcome that the views don't know, or not yet.",
		"405": "Another method is needed; Allow names it.",
		"409": "The aggregate refused the command; code says why.",
		"412": "The aggregate is at another version than If-Match expects.",
		"413": "The body is too large.",
		"415": "The body must be application/json, not compressed.",
		"422": "A field is missing, unknown or of the wrong type; or the Idempotency-Key was used for another body.",
		"429": "Too much is in flight. Nothing was published.",
		"500": "A bug; or the command could not be decided and lies in the dead letters.",
		"503": "The broker or the views can't be reached, or the server is shutting down. Sending again with the same Idempotency-Key is safe.",
		"504": "The view is not there yet; detail says how far it is. Ask again.",
	} {
		response := object{
			"description": description,
			"content":     object{problemMediaType: object{"schema": ref("schemas", "Problem")}},
		}
		if status == "429" || status == "503" || status == "504" {
			response["headers"] = object{"Retry-After": ref("headers", "Retry-After")}
		}
		out[status] = response
	}
	return out
}

// answerSchemas are the schemas of what the server answers; the names must not be those of commands, which have dots.
func answerSchemas() object {
	text, count, yes := object{"type": "string"}, object{"type": "integer", "format": "int64"}, object{"type": "boolean"}
	return object{
		"Accepted": object{
			"type": "object", "required": []string{"command_id", "location"},
			"properties": object{"command_id": text, "location": text},
		},
		"Reached": object{
			"type": "object", "required": []string{"view", "position"},
			"properties": object{"view": text, "position": text},
		},
		"Result": object{
			"type": "object", "required": []string{"command_id", "command", "outcome", "version", "events"},
			"properties": object{
				"command_id": text, "command": text,
				"outcome": object{"type": "string", "enum": []string{"accepted", "unchanged", "refused", "failed"}},
				"code":    object{"type": "string", "description": "Why it was refused or failed; stable."},
				"detail":  text, "version": count,
				"position":  object{"type": "string", "description": "The last event's place: context/partition@offset."},
				"duplicate": object{"type": "boolean", "description": "It had been decided before; this is the recorded outcome."},
				"events":    object{"type": "array", "items": object{"type": "object"}},
			},
		},
		"Problem": object{
			"type": "object", "description": "RFC 9457.", "required": []string{"type", "title", "status", "code"},
			"properties": object{
				"type": object{"type": "string", "format": "uri-reference"}, "title": text,
				"status": object{"type": "integer"}, "detail": text,
				"code":  object{"type": "string", "description": "Stable: branch on this."},
				"field": text, "known": object{"type": "array", "items": text},
				"command_id": text, "command": text, "outcome": text, "version": count, "duplicate": yes,
			},
		},
	}
}
