package ingest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
)

// object is a JSON object on its way into the OpenAPI document.
type object = map[string]any

const apiVersion = "1"

// describe makes the OpenAPI document: a path for every command and one an aggregate for outcomes.
func describe(c catalog, cfg Config) ([]byte, error) {
	schemas, tags := answerSchemas(), []any{}
	paths := object{patternWait: object{"get": waitOperation(cfg)}}
	c.each(func(context, aggregate string, commands []commandInfo) {
		tag := context + "." + aggregate
		tags = append(tags, object{"name": tag})
		base := "/v1/" + context + "/" + aggregate + "/{id}"
		paths[base+"/commands/{command_id}"] = object{"get": outcomeOperation(tag)}
		for _, info := range commands {
			schemas[info.Type] = info.schema
			paths[base+"/"+info.Name] = object{"post": commandOperation(tag, info)}
		}
	})
	doc := object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Recount commands", "version": apiVersion,
			"description": "Send a command to an aggregate, and ask what became of it. A command may be refused; what it changes are events.",
		},
		"tags":  tags,
		"paths": paths,
		"components": object{
			"schemas": schemas, "parameters": parameters(cfg), "responses": problemResponses(), "headers": answerHeaders(),
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}},
		},
	}
	if cfg.Tokens != nil {
		doc["security"] = []any{object{"token": []string{}}}
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("ingest: describing the API: %w", err)
	}
	return append(out, '\n'), nil
}

func ref(section, name string) object {
	return object{"$ref": "#/components/" + section + "/" + name}
}

func refs(section string, names ...string) []any {
	out := make([]any, len(names))
	for i, name := range names {
		out[i] = ref(section, name)
	}
	return out
}

func commandOperation(tag string, info commandInfo) object {
	return object{
		"operationId": info.Type,
		"summary":     cmp.Or(info.Doc, info.Type),
		"tags":        []string{tag},
		"parameters":  refs("parameters", "id", headerCommandID, headerVersion, headerPrefer, headerValidAt, headerCorrelation, headerCausation, "traceparent"),
		"requestBody": object{
			"required": true,
			"content":  object{"application/json": object{"schema": ref("schemas", info.Type)}},
		},
		"responses": object{
			"200": object{
				"description": "Accepted or unchanged, and recorded: the answer to Prefer: wait.",
				"headers":     object{"ETag": ref("headers", "ETag"), "Preference-Applied": ref("headers", "Preference-Applied")},
				"content":     object{"application/json": object{"schema": ref("schemas", "Result")}},
			},
			"202": object{
				"description": "The broker has the command. What becomes of it will be found at Location.",
				"headers":     object{"Location": ref("headers", "Location"), "Preference-Applied": ref("headers", "Preference-Applied")},
				"content":     object{"application/json": object{"schema": ref("schemas", "Accepted")}},
			},
			"400": ref("responses", "400"), "401": ref("responses", "401"), "403": ref("responses", "403"),
			"404": ref("responses", "404"), "405": ref("responses", "405"), "409": ref("responses", "409"),
			"412": ref("responses", "412"), "413": ref("responses", "413"), "415": ref("responses", "415"),
			"422": ref("responses", "422"), "429": ref("responses", "429"), "500": ref("responses", "500"),
			"503": ref("responses", "503"),
		},
	}
}

func outcomeOperation(tag string) object {
	return object{
		"operationId": tag + ".outcome",
		"summary":     "What became of a command, as far as the views know.",
		"tags":        []string{tag},
		"parameters":  refs("parameters", "id", "command_id"),
		"responses": object{
			"200": object{
				"description": "The command's outcome; a refusal, too.",
				"content":     object{"application/json": object{"schema": ref("schemas", "Result")}},
			},
			"400": ref("responses", "400"), "401": ref("responses", "401"), "403": ref("responses", "403"),
			"404": ref("responses", "404"), "405": ref("responses", "405"), "429": ref("responses", "429"),
			"500": ref("responses", "500"), "503": ref("responses", "503"),
		},
	}
}

func waitOperation(cfg Config) object {
	var names []string
	for _, v := range cfg.Views {
		names = append(names, v.Name)
	}
	view := object{"type": "string"}
	if len(names) > 0 {
		view["enum"] = names
	}
	return object{
		"operationId": "views.wait",
		"summary":     "Returns when a view has everything up to a position: read your own writes.",
		"parameters": append(refs("parameters", headerPrefer),
			object{"name": "view", "in": "path", "required": true, "schema": view, "description": "One that shows events."},
			object{"name": "position", "in": "query", "required": true, "schema": object{"type": "string", "pattern": "^[^/]+/[0-9]+@[0-9]+$"},
				"description": "What the answer to a command carries: context/partition@offset."}),
		"responses": object{
			"200": object{
				"description": "The view has it: what is read from now on shows it.",
				"headers":     object{"Preference-Applied": ref("headers", "Preference-Applied")},
				"content":     object{"application/json": object{"schema": ref("schemas", "Reached")}},
			},
			"400": ref("responses", "400"), "401": ref("responses", "401"), "403": ref("responses", "403"),
			"404": ref("responses", "404"), "405": ref("responses", "405"), "422": ref("responses", "422"),
			"429": ref("responses", "429"), "500": ref("responses", "500"), "503": ref("responses", "503"), "504": ref("responses", "504"),
		},
	}
}

func parameters(cfg Config) object {
	id := object{"type": "string", "minLength": 1, "maxLength": idBytesMax}
	in := func(place, name string, schema object, description string) object {
		return object{"name": name, "in": place, "required": place == "path", "schema": schema, "description": description}
	}
	text := object{"type": "string"}
	return object{
		"id":         in("path", "id", id, "The aggregate's ID."),
		"command_id": in("path", "command_id", id, "The command's ID."),
		headerCommandID: in("header", headerCommandID, id,
			"The command's ID. Sent again with the same ID, a command is decided once; with the same ID and another body it is refused. Without it, one is made."),
		headerVersion: in("header", headerVersion, object{"type": "string", "pattern": `^"[0-9]+"$`},
			`The version the aggregate must be at, in quotes: "7". "0": it must not be there yet.`),
		headerPrefer: in("header", headerPrefer, text,
			"wait=5: wait up to 5 seconds (RFC 7240), "+strconv.Itoa(int(cfg.WaitMax.Seconds()))+" at most."),
		headerValidAt: in("header", headerValidAt, object{"type": "string", "format": "date-time"},
			"When it is true in the world; the time of recording where none is given."),
		headerCorrelation: in("header", headerCorrelation, id, "Shared by everything that follows from one request."),
		headerCausation:   in("header", headerCausation, id, "What caused this command."),
		"traceparent":     in("header", "traceparent", text, "W3C Trace Context, passed on with the command."),
	}
}

func answerHeaders() object {
	text := object{"type": "string"}
	return object{
		"Location":           object{"schema": text, "description": "Where the command's outcome will be found."},
		"ETag":               object{"schema": text, "description": "The aggregate's version, for If-Match."},
		"Preference-Applied": object{"schema": text, "description": "The wait that was granted."},
		"Retry-After":        object{"schema": object{"type": "integer"}, "description": "Seconds."},
	}
}
