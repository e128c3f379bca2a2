// SPDX-License-Identifier: Apache-2.0

package openapi

import "encoding/json"

// problemSchema is the name of the schema of problem documents. No type of Go has it,
// since it is in no package.
const problemSchema = "Problem"

// What every call has in common: see docs/guide/http.md, and internal/httpcall, which
// does it.
const (
	problem = `{
  "type": "object",
  "description": "An error, as RFC 9457 has it, with a code and details.",
  "required": ["type", "title", "status", "detail", "code"],
  "properties": {
    "type": {"type": "string", "const": "about:blank"},
    "title": {"type": "string", "description": "what the status says"},
    "status": {"type": "integer", "minimum": 400, "maximum": 599, "description": "the status of the response"},
    "detail": {"type": "string", "description": "what went wrong"},
    "code": {
      "type": "string",
      "enum": ["canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists",
        "permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range",
        "unimplemented", "internal", "unavailable", "data_loss", "unauthenticated"]
    },
    "details": {"type": "object", "additionalProperties": {"type": "string"}, "description": "facts about the error"}
  }
}`

	parameters = `{
  "Timeout": {
    "name": "X-RPCX-Timeout", "in": "header", "description": "how many milliseconds the call may take",
    "schema": {"type": "integer", "minimum": 0}
  },
  "Metadata": {
    "name": "X-RPCX-Meta", "in": "header", "description": "metadata, as the query of a URL",
    "schema": {"type": "string"}, "example": "trace=1&zone=a"
  }
}`

	headers = `{
  "Metadata": {"description": "metadata, as the query of a URL", "schema": {"type": "string"}},
  "RetryAfter": {"description": "how many seconds the server asks to wait", "schema": {"type": "integer", "minimum": 0}},
  "Authenticate": {"description": "with status 401", "schema": {"type": "string"}}
}`

	tokenScheme = `{"token": {"type": "http", "scheme": "bearer", "description": "the token of server.WithAuth"}}`
)

// problemResponse is what a call is answered with that fails.
func problemResponse() response {
	return response{
		Description: "The call failed.",
		Headers: map[string]reference{
			"X-RPCX-Meta":      {"#/components/headers/Metadata"},
			"Retry-After":      {"#/components/headers/RetryAfter"},
			"WWW-Authenticate": {"#/components/headers/Authenticate"},
		},
		Content: map[string]mediaType{
			"application/problem+json": {json.RawMessage(`{"$ref":"#/components/schemas/Problem"}`)},
		},
	}
}
